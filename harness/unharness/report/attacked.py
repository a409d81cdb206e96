"""A row under attack: what a prompt, or another attack, makes of the same unlearned weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from unharness import defaults
from unharness.records.record import RunRecord
from unharness.records.stage_specs import AttackUse, digest_of
from unharness.report.ranking import Column, Value
from unharness.report.scale import Scale

Aggregate = Callable[[Sequence[RunRecord], str], Value]
"""Records that differ in the seed alone, and a metric's name, to its value over the seeds."""


@dataclass(frozen=True)
class Attacked:
    """A row's runs under the same attacks."""

    uses: tuple[AttackUse, ...]
    seeds: tuple[int, ...]
    runs: tuple[str, ...]
    """Run ids, in the order of the seeds."""
    metrics: Mapping[str, Value]
    changes: Mapping[str, Value]
    """By metric, over the seeds that have both: with the attacks minus without them, or, of a
    perplexity, the factor."""

    @property
    def prompt(self) -> str | None:
        """The instruction, where that is all that was done to the model."""
        if len(self.uses) == 1 and self.uses[0].name == defaults.PROMPT_ATTACK:
            return str(self.uses[0].config["text"])
        return None


def without_attack(records: Sequence[RunRecord]) -> list[RunRecord]:
    """Return the records of the unlearned models as they are."""
    return [record for record in records if not record.spec.attacks]


def attacked_rows(
    records: Sequence[RunRecord], columns: Sequence[Column], aggregate: Aggregate
) -> dict[str, Attacked]:
    """Return a row's runs under each chain of attacks, by what the chain is called.

    Two chains of one name are distinguished by the beginning of their SHA-256.
    """
    chains: dict[str, list[RunRecord]] = {}
    for record in records:
        if record.spec.attacks:
            chains.setdefault(_key(record), []).append(record)
    names = [runs[0].spec.attack_name for runs in chains.values()]
    plain = {record.spec.seed: record for record in without_attack(records)}
    found = {}
    for key, runs in chains.items():
        name = runs[0].spec.attack_name
        if names.count(name) > 1:
            name = f"{name} {key[:6]}"
        ordered = sorted(runs, key=lambda record: record.spec.seed)
        found[name] = Attacked(
            uses=runs[0].spec.attacks,
            seeds=tuple(record.spec.seed for record in ordered),
            runs=tuple(record.run_id for record in ordered),
            metrics={column.name: aggregate(ordered, column.name) for column in columns},
            changes={column.name: _change(ordered, plain, column) for column in columns},
        )
    return dict(sorted(found.items()))


def _key(record: RunRecord) -> str:
    """Return the hash of a record's attacks; seeds of one row share what their attacks read."""
    return digest_of([use.model_dump(mode="json") for use in record.spec.attacks])


def _change(runs: Sequence[RunRecord], plain: Mapping[int, RunRecord], column: Column) -> Value:
    scale = Scale.of(column.unit)
    pairs, counts = [], []
    for record in runs:
        after = record.metrics.get(column.name)
        other = plain.get(record.spec.seed)
        before = other.metrics.get(column.name) if other else None
        if after and before and after.value is not None and before.value is not None:
            pairs.append((before.value, after.value))
            counts.append(after.n)
    if not pairs or not scale.covers([value for pair in pairs for value in pair]):
        return Value(None, None, 0)
    return Value(*scale.changes_over_seeds(pairs), min(counts))
