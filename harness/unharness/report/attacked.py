"""A row under attack: what a prompt, or another attack, makes of the same unlearned weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from unharness import defaults
from unharness.records.record import RunRecord
from unharness.records.stage_specs import AttackUse, digest_of
from unharness.report.intervals import difference
from unharness.report.ranking import Column, Value
from unharness.report.scale import Scale, within_range

Aggregate = Callable[[Sequence[RunRecord]], Mapping[str, Value]]
"""Records that differ in the seed alone, to every column's value over the seeds."""


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
    records: Sequence[RunRecord],
    columns: Sequence[Column],
    own: Mapping[str, Value],
    aggregate: Aggregate,
) -> dict[str, Attacked]:
    """Return a row's runs under each chain of attacks, by what the chain is called.

    Two chains of one name are distinguished by the beginning of their SHA-256.

    Args:
        records: of the row, in the order of their seeds.
        columns: of its group.
        own: the values without an attack.
        aggregate: gives the values under one.
    """
    chains: dict[str, list[RunRecord]] = {}
    for record in records:
        if record.spec.attacks:
            chains.setdefault(chain_key(record), []).append(record)
    if not chains:
        return {}
    names = [runs[0].spec.attack_name for runs in chains.values()]
    found = {}
    for key, runs in chains.items():
        name = runs[0].spec.attack_name
        if names.count(name) > 1:
            name = f"{name} {key[:6]}"
        metrics = aggregate(runs)
        found[name] = Attacked(
            uses=runs[0].spec.attacks,
            seeds=tuple(record.spec.seed for record in runs),
            runs=tuple(record.run_id for record in runs),
            metrics=metrics,
            changes={
                column.name: _change(metrics[column.name], own[column.name], column)
                for column in columns
            },
        )
    return dict(sorted(found.items()))


def chain_key(record: RunRecord) -> str:
    """Return the hash of a record's attacks, empty for none.

    Seeds of one row share what their attacks read.
    """
    if not record.spec.attacks:
        return ""
    return digest_of([use.model_dump(mode="json") for use in record.spec.attacks])


def _change(after: Value, before: Value, column: Column) -> Value:
    """Return what attacks change, over the runs that have both."""
    if after.sampled is None or before.sampled is None:
        return Value(None, None, 0)
    scale, found = Scale.of(column.unit), difference(after.sampled, before.sampled)
    interval = within_range(found.interval(), column.unit, (after.value, before.value))
    ends = None if interval is None else (scale.back(interval[0]), scale.back(interval[1]))
    return Value(scale.back(found.value), ends, min(after.n, before.n))
