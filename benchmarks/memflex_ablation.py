"""Does it help MemFlex to locate parameters? Arms of matched size and kind, each tuned.

Every arm minimises one loss, − a · NLL(forget) + b · NLL(retain), on other tensors of the same
target model. Its learning rate is chosen on the validation part, by closeness to the retrained
model; then it runs on the evaluation splits. A seed decides the order of the examples, the
tensors that chance draws, and the direction of the sham. docs/memflex-ablation.md has the rest.

    nice python benchmarks/memflex_ablation.py --data ../shared/data          # resumes itself
    python benchmarks/memflex_ablation.py --data ../shared/data --model micro --draws 2 --seeds 1

Runs are kept in --work and are not made again. The JSON in --out has numbers alone.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

import ablation_methods
from ablation_arms import ARMS, LOCATED, RATES, SHAM, THRESHOLDS, Arm, settings
from ablation_report import MEASURES, Measured, arm_row, effects, markdown, run_row

from unharness import RunRecord
from unharness.cli.run import calm_libraries
from unharness.pipeline.resolve import resolve
from unharness.pipeline.run import execute
from unharness.progress import Progress
from unharness.registry import registry
from unharness.report.closeness import CLOSENESS
from unharness.request import RunRequest
from unharness_methods.localisation import TensorScore

TASK = "knowundo-privacy"
Part = Literal["validation", "evaluation"]
RETRAINED: dict[Part, int] = {"validation": 2, "evaluation": 3}
"""Seeds of the retrained model."""


def prepare(threads: int) -> None:
    """Get a process ready for runs."""
    import torch

    calm_libraries(debug=False)
    torch.set_num_threads(threads)
    ablation_methods.register()


def finished(request: RunRequest) -> RunRecord:
    """Return the record of a run, made now if it is not there yet."""
    return execute(resolve(request, registry()), registry(), Progress()).record


class Cells:
    """Makes runs, several at a time, and says how far they are."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Cells:
        if self.options.jobs > 1:
            self._pool = ProcessPoolExecutor(
                self.options.jobs,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=prepare,
                initargs=(self.options.threads,),
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool:
            self._pool.shutdown(cancel_futures=True)

    def request(
        self, part: Part, method: str, seed: int, values: Mapping[str, Any] | None = None
    ) -> RunRequest:
        """Return one run on a part of the data."""
        return RunRequest(
            method=method,
            task=TASK,
            model=self.options.model,
            data=self.options.data,
            results=str(self.options.work / part),
            eval_split=part,
            suite="none",
            seed=seed,
            set=dict(values or {}),
        )

    def run(self, what: str, requests: Sequence[RunRequest]) -> list[RunRecord]:
        """Return the records of runs, in their order."""
        started, found = time.perf_counter(), []
        for done, record in enumerate(self._made(requests), start=1):
            found.append(record)
            passed = time.perf_counter() - started
            left = passed / done * (len(requests) - done)
            if done == len(requests) or done % 5 == 0:
                text = f"{what}: {done}/{len(requests)}, {passed:.0f} s, {left:.0f} s left"
                print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)
        return found

    def _made(self, requests: Sequence[RunRequest]) -> Iterator[RunRecord]:
        make: Callable[..., Iterator[RunRecord]] = self._pool.map if self._pool else map
        return iter(make(finished, requests))


class Ablation:
    """The stages, each of which needs what the ones before it found."""

    def __init__(self, cells: Cells) -> None:
        self.cells = cells
        self.options = cells.options

    @cached_property
    def references(self) -> dict[Part, list[RunRecord]]:
        """The reference rows of both parts."""
        wanted: list[tuple[Part, str, int]] = [
            (part, method, seed)
            for method in ("base", "vanilla", "retrain")
            for part, count in RETRAINED.items()
            for seed in range(count if method == "retrain" else 1)
        ]
        made = self.cells.run("reference rows", [self.cells.request(*one) for one in wanted])
        return {
            part: [record for one, record in zip(wanted, made, strict=True) if one[0] == part]
            for part in RETRAINED
        }

    @cached_property
    def scores(self) -> dict[Part, list[tuple[TensorScore, ...]]]:
        """What the gradients say of each tensor, by part and localisation.

        They are those of a short MemFlex run: cosine and magnitude do not depend on its training.
        """
        values = {"epochs": 1}
        wanted: list[tuple[Part, int]] = [
            (part, seed) for seed in range(self.options.localisations) for part in RETRAINED
        ]
        requests = [self.cells.request(part, "memflex", seed, values) for part, seed in wanted]
        made = self.cells.run("localisations", requests)
        found: dict[Part, list[tuple[TensorScore, ...]]] = {part: [] for part in RETRAINED}
        for (part, _), record in zip(wanted, made, strict=True):
            assert record.training is not None
            rows = record.training.report["region"]["tensors"]
            fields = TensorScore.__dataclass_fields__
            found[part].append(
                tuple(TensorScore(**{name: row[name] for name in fields}) for row in rows)
            )
        return found

    def arm_run(self, part: Part, arm: Arm, rate: float, seed: int) -> RunRequest:
        """Return one run of an arm; localisations are taken in turn."""
        known = self.scores[part]
        values = settings(arm, rate, self.options.epochs, known[seed % len(known)], seed)
        return self.cells.request(part, ablation_methods.NamedTensors.name, seed, values)

    @cached_property
    def tuning(self) -> dict[Arm, dict[str, Any]]:
        """By arm: the mean objective at every rate on the validation part, and the best rate."""
        seeds, part = self.options.tuning_seeds, "validation"
        wanted = [(arm, rate, seed) for arm in ARMS for rate in RATES for seed in range(seeds)]
        made = self.cells.run("tuning", [self.arm_run("validation", *one) for one in wanted])
        rows = Measured(self.options.work / part, [*self.references["validation"], *made])
        values: dict[Arm, dict[float, list[float | None]]] = {}
        for (arm, rate, _), record in zip(wanted, made, strict=True):
            one = rows.value([record], self.options.objective).value
            values.setdefault(arm, {}).setdefault(rate, []).append(one)
        return {arm: chosen(found, rows.notes) for arm, found in values.items()}

    @cached_property
    def runs(self) -> dict[Arm | str, list[RunRecord]]:
        """The runs on the evaluation splits, by arm, the sham among them."""
        wanted = [
            (arm, seed)
            for seed in range(max(self.options.seeds, self.options.draws))
            for arm in ARMS
            if seed < (self.options.draws if arm.many else self.options.seeds)
        ]
        requests = [
            self.arm_run("evaluation", arm, self.tuning[arm]["chosen"], seed)
            for arm, seed in wanted
        ]
        made = self.cells.run("evaluation", requests)
        found: dict[Arm | str, list[RunRecord]] = {arm: [] for arm in ARMS}
        for (arm, _), record in zip(wanted, made, strict=True):
            found[arm].append(record)
        shams = [self._sham(record) for record in found[LOCATED]]
        return found | {SHAM: self.cells.run(SHAM, shams)}

    def _sham(self, record: RunRecord) -> RunRequest:
        """Return a random update of a run's tensors, of the same norm in each."""
        assert record.training is not None
        values = {"norms": record.training.update_norms}
        name = ablation_methods.RandomUpdate.name
        return self.cells.request("evaluation", name, record.spec.seed, values)

    def report(self) -> dict[str, Any]:
        """Return everything that was found, as JSON values."""
        everything = [record for records in self.runs.values() for record in records]
        folder = self.options.work / "evaluation"
        measured = Measured(folder, [*self.references["evaluation"], *everything])
        sizes = {one.name: one.parameters for one in self.scores["evaluation"][0]}
        located = {
            record.spec.seed: record.training.update_norms
            for record in self.runs[LOCATED]
            if record.training
        }
        rows = {
            arm: [run_row(measured, one, sizes, located[one.spec.seed]) for one in records]
            for arm, records in self.runs.items()
        }
        return {
            "task": TASK,
            "data": everything[0].spec.data_hash,
            **{name: getattr(self.options, name) for name in ("model", "epochs", "objective")},
            "rates": list(RATES),
            "thresholds": THRESHOLDS,
            "notes": measured.notes,
            "tuning": {arm.label: row for arm, row in self.tuning.items()},
            "effects": effects(measured, self.runs),
            "arms": {
                label(arm): arm_row(measured, records, rows[arm]) | {"all": rows[arm]}
                for arm, records in self.runs.items()
            },
        }


def label(arm: Arm | str) -> str:
    """Return an arm's name."""
    return arm if isinstance(arm, str) else arm.label


def chosen(found: Mapping[float, Sequence[float | None]], notes: Sequence[str]) -> dict[str, Any]:
    """Return the mean by rate, and the rate of the highest.

    Raises:
        SystemExit: a run has no value.
    """
    means = {}
    for rate, values in found.items():
        known = [value for value in values if value is not None]
        if len(known) < len(values):
            raise SystemExit(f"a run on the validation part has no value. {' '.join(notes)}")
        means[rate] = fmean(known)
    best = max(means, key=means.__getitem__)
    return {"values": {f"{rate:g}": mean for rate, mean in means.items()}, "chosen": best}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", default="auto")
    parser.add_argument("--model", default="tiny", choices=("tiny", "micro"))
    parser.add_argument("--seeds", type=int, default=5, help="of every arm")
    parser.add_argument("--draws", type=int, default=20, help="runs of the main arms")
    parser.add_argument("--tuning-seeds", type=int, default=2)
    parser.add_argument("--localisations", type=int, default=2, help="taken in turn by the seeds")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--objective", choices=MEASURES, default=CLOSENESS)
    parser.add_argument("--jobs", type=int, default=2, help="runs at a time, a process each")
    parser.add_argument("--threads", type=int, default=1, help="of each process")
    parser.add_argument("--work", type=Path, help="default: results/memflex-ablation/MODEL")
    parser.add_argument(
        "--out", type=Path, default=Path("benchmarks/results/memflex_ablation.json")
    )
    options = parser.parse_args()
    options.work = options.work or Path("results/memflex-ablation") / options.model
    return options


def main() -> None:
    """Make what is missing, write what was found, and print the tables."""
    options = _options()
    prepare(options.threads)
    with Cells(options) as cells:
        found = Ablation(cells).report()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1) + "\n")
    print("\n" + markdown(found))
    print("\n" + "\n".join(found["notes"]))


if __name__ == "__main__":
    main()
