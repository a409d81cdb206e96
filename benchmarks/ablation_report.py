"""What the runs of the MemFlex ablation say: arms, and differences paired by seed."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

from ablation_arms import EQUAL, LOCATED, OURS, SHAM, Arm

from unharness import RunRecord
from unharness.records.store import RecordStore, StoredRecord
from unharness.report.closeness import CLOSENESS
from unharness.report.closeness_columns import ClosenessColumns
from unharness.report.comparable import by_target
from unharness.report.intervals import Sampled, Uncertain, holm
from unharness.report.ranking import SIGNIFICANT, Value
from unharness.report.samples import NumbersReader, RowSamples

MEASURES = (CLOSENESS, "success_avg")
SHOWN = (*MEASURES, "unlearn_success", "retention_success")
NAMES = ("closeness", "success", "unlearn", "retain")
Effect = Mapping[Arm | str, int]
"""By arm, its sign in a sum of arms."""


def _minus(one: Arm | str, other: Arm | str) -> dict[Arm | str, int]:
    return {one: 1, other: -1}


def _interaction(one: Effect, other: Effect) -> Effect:
    """Return one effect minus another."""
    return {**one, **{arm: -sign for arm, sign in other.items()}}


def _location(moved: bool, weights: str) -> Effect:
    """Return narrow minus tensors of the same shapes, under some conditions."""
    return _minus(Arm("narrow", moved, weights), Arm("same shapes", moved, weights))


EFFECTS: dict[str, Effect] = {
    "narrow − same kinds": _minus(LOCATED, Arm("same kinds")),
    "narrow − same shapes": _location(False, OURS),
    "narrow − elsewhere": _minus(LOCATED, Arm("elsewhere")),
    "narrow − sham": _minus(LOCATED, SHAM),
    "wide − like wide": _minus(Arm("wide", True), Arm("like wide", True)),
    "narrow − all but the embedding": _minus(LOCATED, Arm("all")),
    "wide − all": _minus(Arm("wide", True), Arm("all", True)),
    "wide without embedding − all but the embedding": _minus(Arm("wide"), Arm("all")),
    "embedding frozen − moved, all": _minus(Arm("all"), Arm("all", True)),
    "embedding frozen − moved, all, 1 / 1": _minus(
        Arm("all", False, EQUAL), Arm("all", True, EQUAL)
    ),
    "embedding frozen − moved, wide": _minus(Arm("wide"), Arm("wide", True)),
    "embedding frozen − moved, narrow": _minus(LOCATED, Arm("narrow", True)),
    "0.4 / 2.0 − 1 / 1, all": _minus(Arm("all", True), Arm("all", True, EQUAL)),
    "0.4 / 2.0 − 1 / 1, narrow": _minus(LOCATED, Arm("narrow", False, EQUAL)),
    "0.4 / 2.0 − 1 / 1, wide": _minus(Arm("wide", True), Arm("wide", True, EQUAL)),
    "narrow − same shapes, embedding moves": _location(True, OURS),
    "narrow − same shapes, 1 / 1": _location(False, EQUAL),
    "narrow − same shapes, embedding moves, 1 / 1": _location(True, EQUAL),
    "location × embedding frozen": _interaction(_location(False, OURS), _location(True, OURS)),
    "location × 0.4 / 2.0": _interaction(_location(False, OURS), _location(False, EQUAL)),
}


class Measured:
    """The finished runs of one part of the data, with what each example of them gave."""

    def __init__(self, folder: Path, records: Sequence[RunRecord]) -> None:
        """Prepare.

        Args:
            folder: of the results.
            records: runs and reference rows.
        """
        store = RecordStore(folder)
        self._numbers = NumbersReader(print)
        for record in records:
            self._numbers.add(StoredRecord(record, store.folder(record.spec)))
        groups = by_target(records)
        if len(groups) > 1:
            raise SystemExit(f"{folder} has runs of several target models; use another --work")
        self._records = records

    @cached_property
    def _closeness(self) -> ClosenessColumns:
        return ClosenessColumns(self._records, self._numbers)

    @property
    def notes(self) -> list[str]:
        """What closeness leaves out."""
        return self._closeness.notes

    def value(self, runs: Sequence[RunRecord], name: str) -> Value:
        """Return a measure of an arm's runs."""
        if name == CLOSENESS:
            return self._closeness.value(runs, name)
        return RowSamples(runs, self._numbers).value(name)


def contrast(terms: Sequence[tuple[int, Sampled]]) -> tuple[Sampled, Uncertain]:
    """Return a sum of arms with signs, over the seeds that all of them have.

    The questions and the retrained models are the same for all arms, so what they share cancels.
    """
    keys = [key for key in terms[0][1].keys if all(key in one.keys for _, one in terms)]
    rows = [(sign, one.chosen([one.keys.index(key) for key in keys])) for sign, one in terms]
    splits = [
        split for split in rows[0][1].influences if all(split in r.influences for _, r in rows)
    ]
    retrained = None
    if all(one.retrained is not None for _, one in rows):
        retrained = sum(sign * one.retrained for sign, one in rows)
    total = Sampled(
        tuple(keys),
        sum(sign * one.values for sign, one in rows),
        {split: sum(sign * one.influences[split] for sign, one in rows) for split in splits},
        retrained,
    )
    return total, total.estimate()


def run_row(
    measured: Measured,
    record: RunRecord,
    sizes: Mapping[str, int],
    located: Collection[str],
) -> dict[str, Any]:
    """Return what one run gave.

    Args:
        measured: knows its values.
        record: the run's.
        sizes: parameters by tensor.
        located: the narrow region's tensors at the same seed.
    """
    assert record.training is not None
    moved = sorted(record.training.update_norms)
    total = sum(sizes[name] for name in moved)
    return {
        "seed": record.spec.seed,
        "run_id": record.run_id,
        "lr": record.spec.config.get("lr"),
        "parameters": total,
        "shared": sum(sizes[name] for name in moved if name in located) / total,
        "tensors": moved,
        **{name: measured.value([record], name).value for name in SHOWN},
    }


def arm_row(
    measured: Measured, records: Sequence[RunRecord], rows: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return an arm's measures with their intervals, and how large it is.

    Args:
        measured: knows the values.
        records: the arm's runs.
        rows: what each gave, see `run_row`.
    """
    values = {name: measured.value(records, name) for name in SHOWN}
    return {
        "runs": len(records),
        "sets": len({tuple(row["tensors"]) for row in rows}),
        "tensors": round(fmean(len(row["tensors"]) for row in rows), 1),
        "parameters": round(fmean(row["parameters"] for row in rows)),
        "shared": fmean(row["shared"] for row in rows),
        **{name: {"value": one.value, "ci95": one.ci95} for name, one in values.items()},
    }


def effects(
    measured: Measured, runs: Mapping[Arm | str, Sequence[RunRecord]]
) -> dict[str, dict[str, Any]]:
    """Return the differences between arms by measure, with p-values by Holm over all of them."""
    found: dict[str, dict[str, Any]] = {label: {} for label in EFFECTS}
    for name in MEASURES:
        for label, effect in EFFECTS.items():
            if not runs.keys() >= effect.keys():
                continue
            known = [
                (sign, measured.value(runs[arm], name).sampled) for arm, sign in effect.items()
            ]
            terms = [(sign, one) for sign, one in known if one is not None]
            if len(terms) == len(known):
                found[label][name] = _described(*contrast(terms))
        tested = [row[name] for row in found.values() if row.get(name, {}).get("p") is not None]
        for row, adjusted in zip(tested, holm([row["p"] for row in tested]), strict=True):
            row["p_holm"] = adjusted
    return found


def _described(sampled: Sampled, estimate: Uncertain) -> dict[str, Any]:
    return {
        "value": estimate.value,
        "ci95": estimate.interval(),
        "p": estimate.p_value(),
        "seeds": len(sampled.keys),
        "above_0": int((sampled.values > 0).sum()),
    }


def _cell(found: Mapping[str, Any] | None) -> str:
    if not found or found["value"] is None:
        return "–"
    ends = found["ci95"]
    text = f"{found['value']:.1f}" + (f" [{ends[0]:.1f}, {ends[1]:.1f}]" if ends else "")
    return f"**{text}**" if found.get("p_holm", 1.0) < SIGNIFICANT else text


def markdown(found: Mapping[str, Any]) -> str:
    """Return the tables of the chosen rates, the arms, and the effects."""
    rates = [f"{rate:g}" for rate in found["rates"]]
    lines = [f"| arm | {' | '.join(rates)} | chosen |", "|---|" + "---:|" * (len(rates) + 1)]
    for label, row in found["tuning"].items():
        cells = ["–" if value is None else f"{value:.1f}" for value in row["values"].values()]
        edge = " (edge)" if row["chosen"] in (found["rates"][0], found["rates"][-1]) else ""
        lines.append(f"| {label} | {' | '.join(cells)} | {row['chosen']:g}{edge} |")
    lines += ["", f"| arm | tensors | parameters | shared | sets | runs | {' | '.join(NAMES)} |"]
    lines.append("|---|" + "---:|" * (5 + len(NAMES)))
    for label, row in found["arms"].items():
        size = f"{row['tensors']:g} | {row['parameters']:,} | {row['shared']:.0%} | {row['sets']}"
        cells = [_cell(row[name]) for name in SHOWN]
        lines.append(f"| {label} | {size} | {row['runs']} | {' | '.join(cells)} |")
    lines += ["", "| effect | seeds | closeness | above 0 | success | above 0 |"]
    lines.append("|---|---:|---:|---:|---:|---:|")
    for label, row in found["effects"].items():
        both = [row.get(name) for name in MEASURES]
        cells = [f"{_cell(one)} | {one['above_0'] if one else '–'}" for one in both]
        seeds = max((one["seeds"] for one in both if one), default=0)
        lines.append(f"| {label} | {seeds} | {' | '.join(cells)} |")
    return "\n".join(lines)
