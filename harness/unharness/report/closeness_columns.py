"""Closeness as columns of a group: computed from records, never stored in one."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from unharness.errors import PluginError
from unharness.evaluation.metric import PERCENT
from unharness.records.record import RunRecord
from unharness.reference_rows import REFERENCE_ROWS, ReferenceRow, method_of, row_of
from unharness.registry import registry
from unharness.report.attacked import chain_key
from unharness.report.axes import OF_ROLE
from unharness.report.closeness import (
    CLOSENESS,
    MOST,
    PARTS,
    TO_PUBLISH,
    TO_RANK,
    Closeness,
    ClosenessScale,
    Part,
    References,
)
from unharness.report.comparable import SEED, run_key
from unharness.report.intervals import RunKey
from unharness.report.ranking import Column, Value
from unharness.report.samples import NumbersReader, made_value
from unharness.report.values import shown_value

SHARED_FLAGS = (
    *("data", "retain", "tuning", "template", "max_length", "max_new_tokens", "engine", "suite"),
    *("include_path", "suite_data", "suite_limit", "results"),
)
SHARED_MAPPINGS = ("columns", "lora", "target_set")
"""What a run and its reference rows have in common, as flags."""


def part_name(part: Part) -> str:
    """Return the name of a part's column."""
    return "_".join((CLOSENESS, *part))


NAMES = {CLOSENESS: None} | {part_name(part): part for part in PARTS}
"""The columns' names, and which part each is of; None: the whole."""


class ClosenessColumns:
    """Closeness of a group's rows, under each attack against reference rows under the same."""

    def __init__(self, records: Sequence[RunRecord], numbers: NumbersReader) -> None:
        """Prepare.

        Args:
            records: of the group.
            numbers: reads what each example gave.
        """
        self._records = records
        self._numbers = numbers
        self._scales: dict[str, ClosenessScale] = {}
        self._measured: dict[tuple[str, ...], Closeness | None] = {}

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """The columns; none where nothing can be measured."""
        if self._plain.reason or self._no_gold:
            return ()
        return tuple(
            Column(
                name,
                PERCENT,
                "higher",
                part[0] if part else "",
                detail=part is not None,
                axis=OF_ROLE[part[0]] if part else None,
                leads=part is None,
            )
            for name, part in NAMES.items()
        )

    @property
    def notes(self) -> list[str]:
        """What could not be measured, and the command that makes reference rows that lack."""
        if self._no_gold:
            return [self._no_gold]
        scale = self._plain
        if scale.reason:
            command = self._command() if scale.lacks_references else ""
            return [f"Not ranked: {scale.reason}{self._without_numbers()}{command}."]
        notes = [f"Closeness does not use {text}." for text in scale.left_out]
        count = len(scale.references.retrained)
        if count < TO_PUBLISH:
            notes.append(f"{count} retrained models rank; {TO_PUBLISH} are needed to publish.")
        return notes

    def value(self, runs: Sequence[RunRecord], name: str) -> Value:
        """Return one of the columns over runs of one row, all under the same attacks."""
        nothing = Value(None, None, 0)
        if not runs or self._no_gold:
            return nothing
        scale = self._scale(chain_key(runs[0]))
        if scale.reason:
            return nothing
        if row_of(runs[0].spec.method, registry()) == "retrained":
            return Value(MOST, None, scale.count)
        closeness, part = self._closeness(scale, runs), NAMES[name]
        if closeness is None or (part is not None and part not in closeness.parts):
            return nothing
        sampled = closeness.whole if part is None else closeness.parts[part]
        return made_value(sampled, PERCENT, scale.count, counted=False)

    @cached_property
    def _no_gold(self) -> str:
        """Why nothing can ever be ranked; empty where it can."""
        ranking = self._records[0].ranking
        if ranking is None or ranking.gold:
            return ""
        axes = ", ".join(filter(None, (ranking.forget_axis, *ranking.retain_axes)))
        return (
            f"Not ranked: {self._records[0].spec.task} has no gold. The base model is the target, "
            "and there is no model that never learned what is to be forgotten; compare rows on "
            f"the axes: {axes}."
        )

    def _closeness(self, scale: ClosenessScale, runs: Sequence[RunRecord]) -> Closeness | None:
        """Return what every column of a row is read from; None where a run lacks its numbers."""
        key = tuple(record.run_id for record in runs)
        if key not in self._measured:
            found = [self._numbers(record) for record in runs]
            known = [one for one in found if one is not None]
            keys = tuple(_key(record, scale.references) for record in runs)
            self._measured[key] = scale.measure(keys, known) if len(known) == len(found) else None
        return self._measured[key]

    @cached_property
    def _plain(self) -> ClosenessScale:
        return self._scale("")

    def _scale(self, attacks: str) -> ClosenessScale:
        if attacks not in self._scales:
            self._scales[attacks] = ClosenessScale(self._references(attacks))
        return self._scales[attacks]

    def _references(self, attacks: str) -> References:
        rows: dict[ReferenceRow, list[RunRecord]] = {name: [] for name in REFERENCE_ROWS}
        for record in self._records:
            row = row_of(record.spec.method, registry())
            if row and chain_key(record) == attacks and self._numbers(record) is not None:
                rows[row].append(record)
        targets = {run_key(record)[0]: record for record in _plainest(rows["target"])}
        # A retrained model is the same for every target seed, up to rounding on another machine.
        retrained = {one.spec.seed: one for one in reversed(_plainest(rows["retrained"]))}
        rows["retrained"] = [retrained[seed] for seed in sorted(retrained)]
        read = {name: [self._numbers(one) for one in _plainest(rows[name])] for name in rows}
        return References(
            retrained=[one for one in read["retrained"] if one is not None],
            targets={
                seed: found
                for seed, record in sorted(targets.items())
                if (found := self._numbers(record)) is not None
            },
            bases=[one for one in read["base"] if one is not None],
        )

    def _without_numbers(self) -> str:
        """Say how many reference runs cannot be used, as the numbers of their examples lack."""
        rows = [one for one in self._records if row_of(one.spec.method, registry())]
        lacking = sum(self._numbers(one) is None for one in rows)
        if not lacking:
            return ""
        return (
            f" ({lacking} of {len(rows)} reference runs were recorded without their examples; "
            "'unharness score' adds them from what was observed)"
        )

    def _command(self) -> str:
        spec = self._records[0].spec
        try:
            names = [method_of(row, registry()) for row in REFERENCE_ROWS]
        except PluginError:
            return ""
        words = [word for name in names for word in ("-m", name)]
        words += ["--task", spec.task, "--model", spec.model, "--seed", f"0..{TO_RANK - 1}"]
        words += _flags(self._records[0].passed)
        return f"; make the reference rows: {shlex.join(['unharness', 'sweep', *words])}"


def _key(record: RunRecord, references: References) -> RunKey:
    """Return a run's target seed and seed; the base model's is that of any target."""
    target, seed = run_key(record)
    if row_of(record.spec.method, registry()) == "base" and target not in references.targets:
        target = min(references.targets)
    return target, seed


def _flags(passed: Mapping[str, Any]) -> Iterator[str]:
    """Yield the flags of a run that decide which reference rows it is compared with."""
    for name in SHARED_FLAGS:
        if passed.get(name) is not None:
            yield from (f"--{name.replace('_', '-')}", str(passed[name]))
    for name in SHARED_MAPPINGS:
        for key, value in (passed.get(name) or {}).items():
            if (name, key) != ("target_set", SEED):
                yield from (f"--{name.replace('_', '-')}", f"{key}={shown_value(value)}")


def _plainest(records: Sequence[RunRecord]) -> list[RunRecord]:
    """Return a reference row's runs, each model once: those tuned as the target, if there are any.

    A retrained model is the same for every target seed; a base or a target under a fresh adapter
    is the model itself.
    """
    own = [one for one in records if one.spec.tuning == one.spec.target_tuning]
    found: dict[object, RunRecord] = {}
    for record in own or records:
        training = record.training.weights_hash if record.training else None
        key = (training or record.run_id, record.spec.method)
        found.setdefault(key, record)
    return list(found.values())
