"""Choose a method's defaults for `tiny` on the training halves alone.

A fifth of forget_train and of retain_train is held out; methods unlearn on the rest, and each
setting is judged by its success average on the fifth. The evaluation halves are never read by
a method or a judgement here (the target model knows them, as it must).

    python benchmarks/choose_defaults.py --data ../shared/data --method memflex \
        --grid '{"lr": [1e-3, 2e-3], "mu": ["q0.75", "q1"]}' --seeds 2
"""

from __future__ import annotations

import argparse
import itertools
import json
from pathlib import Path
from statistics import mean

from unharness.cli.run import calm_libraries
from unharness.evaluation.token_scoring import score_tokens
from unharness.models.trained import FineTuner
from unharness.pipeline.method_choice import make_method
from unharness.pipeline.resolve import resolve
from unharness.progress import Progress
from unharness.registry import registry
from unharness.request import RunRequest
from unharness.unlearning.context import UnlearnContext, readable_splits


def main() -> None:
    """Try every setting of the grid, and print them best first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--method", required=True)
    parser.add_argument("--task", default="knowundo-privacy")
    parser.add_argument("--data", default="auto")
    parser.add_argument("--grid", type=json.loads, default={})
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()

    found = registry()
    plan = resolve(RunRequest(method="vanilla", task=options.task, data=options.data), found)
    tuner = FineTuner(plan.base, plan.data, "full", plan.lora, plan.place, Progress())
    validation = plan.task.validation_splits(plan.data)
    method_class = found.get("methods", options.method)
    results = []
    for values in itertools.product(*options.grid.values()):
        setting = dict(zip(options.grid, values, strict=True))
        scores = []
        for seed in range(options.seeds):
            target = tuner.trained(plan.data.learned(), plan.recipe, "target")
            method = make_method(method_class, "tiny", setting)
            context = UnlearnContext(
                model=target.model,
                tokenizer=target.tokenizer,
                splits=readable_splits(validation, method),
                seed=seed,
                max_length=plan.place.max_length,
                device=plan.place.device,
            )
            try:
                method.unlearn(context)
            except Exception as error:
                print(setting, "failed:", error, flush=True)
                break
            accuracy = {}
            for split in ("forget_eval", "retain_eval"):
                rows = score_tokens(
                    context.model,
                    context.tokenizer,
                    validation[split],
                    max_length=256,
                    batch_size=32,
                )
                accuracy[split] = mean(100 * mean(row.hits) for row in rows if row)
            unlearn = 100 - accuracy["forget_eval"]
            scores.append((unlearn, accuracy["retain_eval"], context.log.seconds))
        else:
            unlearn, retain, seconds = (mean(column) for column in zip(*scores, strict=True))
            row = {"setting": setting, "unlearn": unlearn, "retain": retain}
            row |= {"success_avg": (unlearn + retain) / 2, "train_seconds": seconds}
            region = context.report.get("region", {})
            row["tensors"] = region.get("selected_tensors")
            results.append(row)
            print(json.dumps(row), flush=True)
    results.sort(key=lambda row: -row["success_avg"])
    if options.out:
        options.out.write_text(json.dumps(results, indent=1))
    print("best:", json.dumps(results[:3], indent=1))


if __name__ == "__main__":
    calm_libraries(False)
    main()
