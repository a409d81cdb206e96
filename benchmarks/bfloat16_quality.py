"""Does training in bfloat16 end where training in float32 ends? Final metrics of both, by seed.

    python benchmarks/bfloat16_quality.py --data ../shared/data --seeds 5
    python benchmarks/bfloat16_quality.py --data ../shared/data --model smollm2-135m --seeds 3

Target and unlearning are trained in float32, and again in bfloat16, each seed from a target model
of its own (`--one-target`: all from one). A difference is within noise where its 95% interval over
the seeds, paired, holds 0.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scipy.stats import t

from unharness import RunRecord, sweep
from unharness.cli.run import calm_libraries

OUT = Path(__file__).parent / "results" / "bfloat16_quality.json"
PRECISIONS = ("float32", "bfloat16")
METRICS = (
    "unlearn_success",
    "retention_success",
    "unlearn_nats",
    "retention_nats",
    "unlearn_rouge_l",
    "retention_rouge_l",
)


def values(records: Sequence[RunRecord]) -> dict[str, dict[int, float]]:
    """Return the value of every metric by seed; those that a run lacks are left out."""
    found: dict[str, dict[int, float]] = {name: {} for name in METRICS}
    for record in records:
        for name in METRICS:
            value = record.metrics[name].value if name in record.metrics else None
            if value is not None:
                found[name][record.spec.seed] = value
    return found


def compared(first: Mapping[int, float], second: Mapping[int, float]) -> dict[str, Any] | None:
    """Return means and the paired difference of two sets of runs; None of fewer than two seeds."""
    seeds = sorted(first.keys() & second.keys())
    if len(seeds) < 2:
        return None
    differences = [second[seed] - first[seed] for seed in seeds]
    error = statistics.stdev(differences) / len(seeds) ** 0.5
    half = float(t.ppf(0.975, len(seeds) - 1)) * error
    middle = statistics.mean(differences)
    return {
        "float32": statistics.mean(first[seed] for seed in seeds),
        "bfloat16": statistics.mean(second[seed] for seed in seeds),
        "difference": middle,
        "ci95": [middle - half, middle + half],
        "sd_between_seeds": statistics.stdev(first[seed] for seed in seeds),
        "within_noise": abs(middle) <= half,
    }


def runs(options: argparse.Namespace, method: str, precision: str, results: str) -> list[RunRecord]:
    """Run a method over the seeds in one precision."""
    found: list[RunRecord] = []
    for seed in range(options.seeds):
        found += sweep(
            method,
            options.task,
            model=options.model,
            seed=seed,
            target_seed=() if options.one_target else (seed,),
            data=options.data,
            precision=precision,
            references=False,
            results=results,
            suite="none",
            executor="in-process",
            hyperparameters=json.loads(options.set),
        )
    return found


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run every method in both precisions over the seeds, and compare."""
    methods: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for method in options.method.split(","):
            first, second = (
                values(runs(options, method, precision, options.results or folder))
                for precision in PRECISIONS
            )
            methods[method] = {name: compared(first[name], second[name]) for name in METRICS}
    return {
        "task": options.task,
        "model": options.model,
        "seeds": options.seeds,
        "one_target": options.one_target,
        "set": json.loads(options.set),
        "methods": methods,
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--method", default="gradient-difference,memflex", help="with commas")
    parser.add_argument("--task", default="knowundo-privacy")
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--data", default="auto")
    parser.add_argument("--seeds", type=int, default=5, help="how many, at least 2")
    parser.add_argument("--one-target", action="store_true", help="the same for all seeds")
    parser.add_argument("--set", default="{}", help="hyperparameters as a JSON object")
    parser.add_argument("--results", help="where records are kept, so that it can go on")
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    found = measure(options)
    for method, metrics in found["methods"].items():
        for name, row in metrics.items():
            if row:
                low, high = row["ci95"]
                print(
                    f"{method:22} {name:20} {row['float32']:9.3f} {row['bfloat16']:9.3f} "
                    f"{row['difference']:+8.3f} [{low:+.3f}, {high:+.3f}]"
                )
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    calm_libraries(debug=False)
    main()
