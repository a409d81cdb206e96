"""How much of MemFlex comes from localisation, how much from its loss weights and learning rate?

`gradient-difference` and `memflex` share one loss and differ in the region alone. Every
combination of region, loss weights and learning rate unlearns the same target, over several
seeds; effects are paired by seed.

    python benchmarks/memflex_ablation.py --data ../shared/data --seeds 5

prints the tables of docs/memflex-ablation.md and writes benchmarks/memflex_ablation.json.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from statistics import mean
from typing import Any

import numpy

from unharness.cli.run import calm_libraries
from unharness.evaluation.token_scoring import score_tokens
from unharness.pipeline.method_choice import make_method
from unharness.pipeline.resolve import resolve
from unharness.pipeline.run_plan import RunPlan
from unharness.pipeline.stages.target import fine_tuner
from unharness.progress import Progress
from unharness.registry import registry
from unharness.report.intervals import Sampled
from unharness.request import RunRequest
from unharness.unlearning.context import UnlearnContext, readable_splits

EPOCHS = 4
REGIONS: dict[str, dict[str, Any]] = {
    "all tensors": {},
    "located q0.9/q0.1": {"mu": "q0.9", "sigma": "q0.1"},
    "located q0.5/q0.25": {"mu": "q0.5", "sigma": "q0.25"},
    "random, as many": {"mu": "q0.5", "sigma": "q0.25", "region": "random"},
}
WEIGHTS = {"1 / 1": (1.0, 1.0), "0.4 / 2.0": (0.4, 2.0)}
# The paper gives its baselines 5e-5 and MemFlex six times as much; tiny's scale is another.
RATES = {"5e-4": 5e-4, "3e-3": 3e-3}
Arm = tuple[str, str, str]
ARMS: list[Arm] = list(itertools.product(REGIONS, WEIGHTS, RATES))


def run_arm(plan: RunPlan, arm: Arm, seed: int) -> dict[str, Any]:
    """Unlearn a fresh copy of the target and return its success on the evaluation halves."""
    region, weights, rate = arm
    forget_weight, retain_weight = WEIGHTS[weights]
    settings = {
        "lr": RATES[rate],
        "epochs": EPOCHS,
        "forget_weight": forget_weight,
        "retain_weight": retain_weight,
        **REGIONS[region],
    }
    name = "memflex" if REGIONS[region] else "gradient-difference"
    target = fine_tuner(plan, Progress()).trained(plan.data.learned(), plan.recipe, "target")
    method = make_method(registry().get("methods", name), plan.base.name, settings)
    context = UnlearnContext(
        model=target.model,
        tokenizer=target.tokenizer,
        splits=readable_splits(plan.data, method),
        seed=seed,
        max_length=plan.place.max_length,
        device=plan.place.device,
    )
    method.unlearn(context)
    accuracy = {}
    for split in ("forget_eval", "retain_eval"):
        rows = score_tokens(
            context.model, context.tokenizer, plan.data[split], max_length=256, batch_size=32
        )
        accuracy[split] = mean(100 * mean(row.hits) for row in rows if row)
    unlearn, retain = 100 - accuracy["forget_eval"], accuracy["retain_eval"]
    found = context.report.get("region", {})
    return {
        "region": region,
        "weights": weights,
        "lr": rate,
        "seed": seed,
        "unlearn_success": unlearn,
        "retention_success": retain,
        "success_avg": (unlearn + retain) / 2,
        "tensors": found.get("selected_tensors"),
        "of_tensors": len(found.get("tensors", ())) or None,
    }


def interval(values: Iterable[float]) -> str:
    """Return mean and 95% t interval over seeds."""
    known = numpy.array(list(values))
    found = Sampled(tuple((0, at) for at in range(len(known))), known).estimate()
    value, ends = found.value, found.interval()
    return f"{value:.1f} [{ends[0]:.1f}, {ends[1]:.1f}]" if ends else f"{value:.1f}"


def tables(rows: list[dict[str, Any]]) -> str:
    """Return the arms, and the effects paired by seed, in Markdown."""
    by_arm: dict[Arm, dict[int, dict[str, Any]]] = {}
    for row in rows:
        by_arm.setdefault((row["region"], row["weights"], row["lr"]), {})[row["seed"]] = row
    lines = ["| region | tensors | weights | lr | unlearn | retain | average |"]
    lines.append("|---|---:|---|---|---:|---:|---:|")
    for (region, weights, rate), runs in by_arm.items():
        counts = sorted({row["tensors"] for row in runs.values()} - {None})
        count = "–".join(str(n) for n in dict.fromkeys((*counts[:1], *counts[-1:]))) or "all"
        cells = [
            interval(row[name] for row in runs.values())
            for name in ("unlearn_success", "retention_success", "success_avg")
        ]
        lines.append(f"| {region} | {count} | {weights} | {rate} | {' | '.join(cells)} |")
    lines += ["", "| change, the rest equal | average | of that, unlearn | of that, retain |"]
    lines.append("|---|---:|---:|---:|")
    for label, change in _effects().items():
        pairs = [(one, change(one)) for one in by_arm if change(one) in by_arm]
        cells = [
            interval(_paired(by_arm, pairs, name))
            for name in ("success_avg", "unlearn_success", "retention_success")
        ]
        lines.append(f"| {label} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _effects() -> dict[str, Callable[[Arm], Arm | None]]:
    """Return, by label, what turns an arm without a change into the one with it."""

    def region(before: str, after: str) -> Callable[[Arm], Arm | None]:
        return lambda arm: (after, arm[1], arm[2]) if arm[0] == before else None

    wide, half, chance = list(REGIONS)[1:]
    return {
        "all tensors → located q0.9/q0.1": region("all tensors", wide),
        "all tensors → located q0.5/q0.25": region("all tensors", half),
        "random → located, as many tensors": region(chance, half),
        "weights 1 / 1 → 0.4 / 2.0": lambda arm: (
            (arm[0], "0.4 / 2.0", arm[2]) if arm[1] == "1 / 1" else None
        ),
        "lr 5e-4 → 3e-3": lambda arm: (arm[0], arm[1], "3e-3") if arm[2] == "5e-4" else None,
    }


def _paired(
    by_arm: Mapping[Arm, Mapping[int, Mapping[str, Any]]],
    pairs: list[tuple[Arm, Arm | None]],
    name: str,
) -> list[float]:
    """Return one difference a seed: the mean over the pairs of arms."""
    seeds = sorted(next(iter(by_arm.values())))
    return [
        mean(
            by_arm[after][seed][name] - by_arm[before][seed][name]
            for before, after in pairs
            if after
        )
        for seed in seeds
    ]


def main() -> None:
    """Run every arm over the seeds; finished ones in the output file are not run again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="auto")
    parser.add_argument("--task", default="knowundo-privacy")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".json"))
    options = parser.parse_args()
    plan = resolve(RunRequest(method="vanilla", task=options.task, data=options.data), registry())
    facts = {
        "command": f"python benchmarks/memflex_ablation.py --seeds {options.seeds}",
        "task": options.task,
        "data_hash": plan.spec.data_hash,
        "base_hash": plan.spec.base_hash,
        "epochs": EPOCHS,
    }
    rows = []
    if options.out.is_file():
        before = json.loads(options.out.read_text())
        if all(before.get(name) == facts[name] for name in ("task", "data_hash", "base_hash")):
            rows = before["runs"]
    done = {(row["region"], row["weights"], row["lr"], row["seed"]) for row in rows}
    for seed, arm in itertools.product(range(options.seeds), ARMS):
        if (*arm, seed) in done:
            continue
        started = time.perf_counter()
        rows.append(run_arm(plan, arm, seed))
        options.out.write_text(json.dumps({**facts, "runs": rows}, indent=1) + "\n")
        seconds = time.perf_counter() - started
        print(f"{len(rows)}: {arm} seed {seed} {rows[-1]['success_avg']:.1f} {seconds:.0f} s")
    print(tables(rows))


if __name__ == "__main__":
    calm_libraries(False)
    main()
