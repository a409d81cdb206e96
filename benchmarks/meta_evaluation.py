"""Which metrics of forgetting can be trusted? A meta-evaluation on KnowUnDo's privacy domain.

After OpenUnlearning (arXiv 2506.12618), with the symmetric forms of robustness:

- faithfulness of a metric m: AUC of m between models that learned the forget facts and models that
  did not, alike in seed, order, learning rate, epochs and size. 1: m tells them apart, 0.5: it
  does not.
- robustness to relearning: R = 1 - |d_U - d_G| / (|d_U| + |d_G|), d what the attack changes m by,
  of an unlearned model U and of the retrained one G: what G regains as well was taught, not hidden.
  Metrics against G have none: they compare with the attacked G already.
- robustness to rounding: Q = 1 - |after - before| / (|before| + |after|), of U.
- robustness = harmonic mean of R and Q, overall = harmonic mean of faithfulness and robustness.

Unlearned models whose accuracy on the retain set is below 80% of the target's, or of which m itself
says that they still know (beyond the threshold that best separates the two pools), are left out for
that metric.

    python benchmarks/meta_evaluation.py --data ../shared/data             # resumes itself
    python benchmarks/meta_evaluation.py --data ../shared/data --model micro --pool 2   # a trial

`closeness_forget_known` and `_said` are the distances that closeness is made of, to one retrained
model; `closeness_forget` is made of both, against two retrained models and the target. Closeness
as a whole needs the retain set as well, and is no measure of forgetting alone.

With --tuned RESULTS the methods take the hyperparameters that `unharness tune` chose there.

Models are observed once and their observations kept in --work, so that a metric added later needs
no training: run it again. The texts in there are the data's; the JSON in --out has numbers alone.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from meta_pools import (
    FORGET,
    KNOWS,
    TASK,
    Answers,
    Pool,
    Pools,
    Setting,
    distances,
    forget_closeness,
    preset_of,
)

from unharness import RunRecord, load_records, run
from unharness.cli.run import calm_libraries
from unharness.evaluation.columns import MetricColumn
from unharness.pipeline.resolve import resolve
from unharness.pipeline.run_plan import RunPlan
from unharness.records.per_example import read_per_example
from unharness.records.store import RecordStore
from unharness.registry import registry
from unharness.request import RunRequest

RETAIN = "retention_success"
COMPARED: tuple[Pool, ...] = ("learned", "unlearned")
ATTACKS = {"relearn": "relearn:lr={lr}", "quantize": "quantize:bits=4"}
ENOUGH = 0.8
"""Share of the target's accuracy on the retain set that an unlearned model must keep."""


def plain(column: MetricColumn, value: float) -> float:
    """Return the metric's own value, also where the column holds 100 minus it."""
    return 100.0 - value if column.complement else value


def signed(column: MetricColumn, value: float) -> float:
    """Return a metric's own value turned so that higher means that more is known."""
    return plain(column, value) * KNOWS[column.metric.name]


def auc(knowing: Sequence[float], other: Sequence[float]) -> float:
    """Return P(knowing > other) + 1/2 P(equal)."""
    pairs = [(a > b) + 0.5 * (a == b) for a in knowing for b in other]
    return sum(pairs) / len(pairs)


def threshold(knowing: Sequence[float], other: Sequence[float]) -> float:
    """Return the value from which on a model counts as knowing: the best balanced accuracy.

    It lies midway between the two values that it separates.
    """
    values = sorted({*knowing, *other})
    cuts = [(a + b) / 2 for a, b in itertools.pairwise(values)] or values

    def right(cut: float) -> float:
        hits = sum(value > cut for value in knowing) / len(knowing)
        return hits + sum(value <= cut for value in other) / len(other)

    return max(cuts, key=right)


def symmetric(one: float, other: float) -> float:
    """Return 1 - |one - other| / (|one| + |other|), in 0 … 1; 1 where both are 0."""
    total = abs(one) + abs(other)
    return 1.0 if total == 0 else 1.0 - min(1.0, abs(one - other) / total)


def harmonic(one: float, other: float) -> float:
    """Return the harmonic mean, 0 where a value is 0."""
    return 0.0 if one * other == 0 else 2 * one * other / (one + other)


def attacked_runs(options: argparse.Namespace, plan: RunPlan) -> dict[str, dict[str, RunRecord]]:
    """Unlearn with every method and seed, and attack; return the records by model and attack."""
    results, chosen = options.runs, _chosen(options.tuned, options.model)
    attacks = {
        name: text.format(lr=options.relearn_lr or plan.recipe.lr / 10)
        for name, text in ATTACKS.items()
    }
    methods = [("retrain", 0)]
    methods += [(name, seed) for seed in range(options.seeds) for name in options.methods]
    for method, seed in methods:
        started = time.perf_counter()
        run(
            method,
            TASK,
            model=options.model,
            data=options.data,
            results=str(results),
            seed=seed,
            attack=("none", *attacks.values()),
            suite="none",
            limit=options.limit,
            hyperparameters=chosen.get(method, {}),
        )
        _say(f"{method} (seed {seed}) unlearned and attacked", time.perf_counter() - started)
    names = {"none": "none"} | {text: name for name, text in attacks.items()}
    found: dict[str, dict[str, RunRecord]] = {}
    for record in load_records(results):
        if record.status == "done" and record.spec.attack_name in names:
            row = found.setdefault(f"{record.spec.method} {record.spec.seed}", {})
            row[names[record.spec.attack_name]] = record
    return found


def _chosen(results: Path | None, model: str) -> dict[str, dict[str, Any]]:
    """Return the hyperparameters of each method's tuned rows on a model."""
    found = load_records(results) if results else []
    own = [one.spec for one in found if one.spec.tuned and one.spec.model == model]
    return {spec.method: spec.config for spec in own}


def _references(options: argparse.Namespace, pools: Pools) -> tuple[Sequence[Answers], Answers]:
    """Return the answers of two retrained models and of the target."""
    answers = {
        item.record.spec.method: read_per_example(item.record, item.folder)[FORGET].answers
        for item in RecordStore(options.runs).readable()
        if item.record.spec.method in ("retrain", "vanilla")
        and item.record.spec.attack_name == "none"
    }
    return [pools.answers("reference", 0), answers["retrain"]], answers["vanilla"]


def robustness(
    column: MetricColumn, runs: Mapping[str, Mapping[str, RunRecord]], cut: float
) -> dict[str, Any]:
    """Return R and Q of a metric, means over the unlearned models that count."""
    rows = {
        name: {attack: record.metrics[column.label].value for attack, record in attacked.items()}
        for name, attacked in runs.items()
    }
    gold = _known(rows["retrain 0"])
    kept = runs["vanilla 0"]["none"].metrics[RETAIN].value
    relearn, quantize, used = [], [], []
    for name, found_values in rows.items():
        values = _known(found_values)
        retained = runs[name]["none"].metrics[RETAIN].value
        if name.split()[0] in ("vanilla", "retrain", "base") or values is None:
            continue
        if retained is None or kept is None or retained < ENOUGH * kept:
            continue
        if signed(column, values["none"]) > cut:
            continue
        used.append(name)
        if gold is not None and not column.metric.references:
            own, other = (row["relearn"] - row["none"] for row in (values, gold))
            relearn.append(symmetric(own, other))
        before, after = (plain(column, values[name]) for name in ("none", "quantize"))
        quantize.append(symmetric(before, after))
    found: dict[str, Any] = {
        "relearn": fmean(relearn) if relearn else None,
        "quantize": fmean(quantize) if quantize else None,
        "models": used,
        "values": rows,
    }
    both = found["relearn"] is not None and found["quantize"] is not None
    found["robustness"] = harmonic(found["relearn"], found["quantize"]) if both else None
    return found


def _known(values: Mapping[str, float | None]) -> dict[str, float] | None:
    """Return values by attack; None where one of them is missing."""
    known = {attack: value for attack, value in values.items() if value is not None}
    return known if len(known) == len(values) else None


def report(
    pools: Pools,
    count: int,
    runs: Mapping[str, Mapping[str, RunRecord]],
    references: tuple[Sequence[Answers], Answers] | None = None,
) -> dict[str, Any]:
    """Return every metric's faithfulness and robustness, and the values that they come from.

    Args:
        pools: the models.
        count: in each of the two pools.
        runs: unlearned models, attacked.
        references: of `forget_closeness`, the answers of retrained models and of the target.
    """
    gold = pools.reference()
    values: dict[Pool, list[dict[str, Any]]] = {
        pool: [{**pools.values(pool, at, gold)} for at in range(count)] for pool in COMPARED
    }
    metrics: dict[str, Any] = {}
    for column in pools.columns:
        known, other = (
            [
                signed(column, value)
                for one in values[pool]
                if (value := one[column.label]) is not None
            ]
            for pool in COMPARED
        )
        if not known or not other:
            metrics[column.label] = {"faithfulness": None}
            continue
        cut = threshold(known, other)
        row: dict[str, Any] = {
            "faithfulness": auc(known, other),
            "threshold": cut * KNOWS[column.metric.name],
        }
        row |= robustness(column, runs, cut) if runs else {}
        if row.get("robustness") is not None:
            row["overall"] = harmonic(row["faithfulness"], row["robustness"])
        metrics[column.label] = row
    reference = pools.answers("reference", 0)
    for pool, rows in values.items():
        for at, numbers in enumerate(rows):
            own = pools.answers(pool, at)
            numbers |= distances(own, reference)
            if references:
                numbers["closeness_forget"] = forget_closeness(own, *references)
    for name in [name for name in values["learned"][0] if name.startswith("closeness")]:
        sign = -1.0 if name == "closeness_forget" else 1.0  # the others are distances
        known, other = ([sign * one[name] for one in values[pool]] for pool in values)
        cut = sign * threshold(known, other)
        metrics[name] = {"faithfulness": auc(known, other), "threshold": cut}
    preset = preset_of(pools.plan)
    return {
        "task": TASK,
        "data": pools.plan.spec.data_hash,
        "model": preset.name,
        "models": {"learned": count, "unlearned": count},
        "settings": [vars(Setting.draw(at, preset)) for at in range(count)],
        "metrics": metrics,
        "values": values,
    }


def _say(text: str, seconds: float) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {text}  {seconds:.0f} s", flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", default="auto")
    parser.add_argument("--model", default="tiny", choices=("tiny", "micro"))
    parser.add_argument("--pool", type=int, default=20, help="models in each of the two pools")
    parser.add_argument("--methods", default="gradient-difference,kl,memflex")
    parser.add_argument("--seeds", type=int, default=1, help="of every method")
    parser.add_argument("--tuned", type=Path, help="results of `unharness tune`: their settings")
    parser.add_argument("--relearn-lr", type=float, help="default: a tenth of the target's")
    parser.add_argument("--limit", type=int, help="evaluated examples of each split")
    parser.add_argument("--only", choices=("pools", "robustness"), help="make no more than these")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--work", type=Path, help="default: results/meta-evaluation/MODEL")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/meta_evaluation.json"))
    options = parser.parse_args()
    options.methods = options.methods.split(",")
    options.work = options.work or Path("results/meta-evaluation") / options.model
    options.runs = options.work / ("tuned-runs" if options.tuned else "runs")
    return options


def main() -> None:
    """Make what is missing, and write what was found."""
    import torch

    options = _options()
    torch.set_num_threads(options.threads)
    request = {"method": "vanilla", "task": TASK, "model": options.model, "data": options.data}
    plan = resolve(RunRequest(**request, limit=options.limit, suite="none"), registry())
    pools = Pools(plan, options.work)
    names: list[tuple[Pool, int]] = [("reference", 0)]
    names += [(pool, at) for at in range(options.pool) for pool in ("learned", "unlearned")]
    for done, (pool, at) in enumerate(names, start=1):
        if options.only != "robustness" and (seconds := pools.make(pool, at)):
            _say(f"{done}/{len(names)} models: {pool} {at}", seconds)
    if options.only == "robustness" and not all(pools.path(*name).exists() for name in names):
        raise SystemExit("the pools are not complete: run it without --only robustness")
    runs = {} if options.only == "pools" else attacked_runs(options, plan)
    references = _references(options, pools) if runs else None
    found = report(pools, options.pool, runs, references)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1) + "\n")
    print(f"\n{'metric':34} faithful  relearn quantize  overall")
    shown = ("faithfulness", "relearn", "quantize", "overall")
    ranked = sorted(found["metrics"].items(), key=lambda one: -(one[1].get("overall") or 0))
    for label, row in ranked:
        cells = ["–" if row.get(key) is None else f"{row[key]:.3f}" for key in shown]
        print(f"{label:34} " + " ".join(f"{cell:>8}" for cell in cells))


if __name__ == "__main__":
    calm_libraries(debug=False)
    main()
