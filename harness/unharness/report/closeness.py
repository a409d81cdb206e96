"""Closeness: how near an unlearned model is to one that never saw the forget set.

For each split and each of two ways to ask, what is known (the share of answer tokens predicted
under teacher forcing) and what is said (ROUGE-L F1 of the generated answer), with r the mean over
the retrained models, by example:

    d(m) = mean over examples of |a(m) - r|
    z    = the same of each retrained model against the others, times √(1 + 1/k) / √(1 + 1/(k-1)):
           against k - 1 models in place of k a model of the same kind is a little farther away
    part = 1 - (d(m) - z) / (d(far) - z), from 0 to 1

`far` is the target model on forget splits, and the base model on retain splits. Splits of one role
count alike. Closeness is the harmonic mean of the four parts in %: the target has 0, the retrained
model 100; a model that forgets more than the retrained one loses, as one that forgets less does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy

from unharness.records.per_example import KNOWN, SAID, PerExample
from unharness.report.intervals import RunKey, Sampled

CLOSENESS = "closeness"
"""The column's name."""
MOST = 100.0
FAR_MODEL = {"forget": "target", "retain": "base"}
"""By role: the reference that is far from the retrained model."""
TO_RANK, TO_PUBLISH = 2, 3
"""Retrained models, at least."""
RESOLVED = 2.0
"""A split can tell models apart if its far model is this many standard errors away."""
ROUNDING = 1e-9

Part = tuple[str, str]
"""Role, and KNOWN or SAID."""
PARTS: tuple[Part, ...] = tuple((role, way) for role in FAR_MODEL for way in (KNOWN, SAID))


@dataclass(frozen=True, eq=False)
class References:
    """The numbers of the reference rows' examples."""

    retrained: Sequence[PerExample]
    """One a retrained model."""
    targets: Mapping[int, PerExample]
    """By target seed."""
    bases: Sequence[PerExample]
    """The base model; several measurements of it are averaged."""


@dataclass(frozen=True, eq=False)
class Closeness:
    """Closeness of one row's runs, in %."""

    whole: Sampled
    parts: Mapping[Part, Sampled]
    """By role and way to ask."""


@dataclass(frozen=True, eq=False)
class _Axis:
    """One split and way to ask, with the sums that every run's distances are set against."""

    split: str
    part: Part
    keep: Any
    """(n,) bool: examples that every model has a number of."""
    groups: Any
    """(n kept,) int: which group each is of, from 0."""
    sizes: Any
    """(G,): examples by group."""
    retrained: Any
    """(R, n)."""
    floor: Any
    """(n,): by example, what retrained models are from each other: z before its mean."""
    far: Mapping[int, Any]
    """By target seed, (n,)."""


class ClosenessScale:
    """Measures closeness against fixed references."""

    def __init__(self, references: References) -> None:
        """Prepare.

        Args:
            references: of one data and way to evaluate, all with the same examples.
        """
        self.references = references
        self._unresolved: set[Part] = set()
        self.left_out: list[str] = []
        """What is not measured and why: a split, or a whole part, in words."""
        self.reason = _why_not(references)
        """Why nothing can be measured; empty if it can."""
        self.lacks_references = bool(self.reason)
        """Whether that is because reference rows are missing."""
        self._axes: list[_Axis] = [] if self.reason else list(self._resolved())
        missing = {role for role in FAR_MODEL if not any(a.part[0] == role for a in self._axes)}
        if not self.reason and missing:
            self.reason = f"no {' and no '.join(sorted(missing))} split can be measured"
        elif not self.reason:
            self.left_out += self._parts_not_measured()

    @property
    def count(self) -> int:
        """Examples that are measured, of all splits."""
        return sum({axis.split: int(axis.keep.sum()) for axis in self._axes}.values())

    def measure(self, keys: Sequence[RunKey], runs: Sequence[PerExample]) -> Closeness | None:
        """Return the closeness of a row.

        Args:
            keys: target seed and seed, by run.
            runs: the numbers, by run; with the references' examples.

        Returns:
            None where nothing can be measured, or a run lacks a split or has other examples.
        """
        if self.reason or not runs:
            return None
        models = [_rows(axis, runs) for axis in self._axes]
        if any(rows is None for rows in models):
            return None
        seeds = [key[0] for key in keys]
        if any(seed not in self.references.targets for seed in seeds):
            return None
        rows = [numpy.asarray(found) for found in models]

        def values(retrained: Sequence[int] | None = None) -> list[Any]:
            return [
                _part(axis, own, seeds, retrained)
                for axis, own in zip(self._axes, rows, strict=True)
            ]

        unclipped = values()
        own = [numpy.clip(one, 0.0, 1.0) for one in unclipped]
        by_group = [
            _part_without_groups(axis, one, seeds) - base[:, None]
            for axis, one, base in zip(self._axes, rows, unclipped, strict=True)
        ]
        count = len(self.references.retrained)
        fewer = [values([j for j in range(count) if j != left]) for left in range(count)]
        by_model = [
            numpy.stack(found, axis=1) - base[:, None]
            for found, base in zip(zip(*fewer, strict=True), unclipped, strict=True)
        ]
        reach = [_reach(*found) for found in zip(unclipped, by_group, by_model, strict=True)]
        without, without_model = (
            [base[:, None] + r * one for base, r, one in zip(own, reach, found, strict=True)]
            for found in (by_group, by_model)
        )
        present = [part for part in PARTS if any(axis.part == part for axis in self._axes)]

        def sampled(combine: Callable[[Sequence[Any]], Any]) -> Sampled:
            value = combine(own)
            influences: dict[str, Any] = {}
            for split in dict.fromkeys(axis.split for axis in self._axes):
                changed = [
                    found if axis.split == split else base[:, None]
                    for axis, base, found in zip(self._axes, own, without, strict=True)
                ]
                left = numpy.broadcast_to(combine(changed), (len(keys), self._groups_of(split)))
                groups = left.shape[1]
                influences[split] = -(left - value[:, None]) * (groups - 1) / groups
            moved = combine(without_model) - value[:, None]
            scaled = {split: MOST * found for split, found in influences.items()}
            return Sampled(tuple(keys), MOST * value, scaled, MOST * moved)

        def mean_of(part: Part) -> Callable[[Sequence[Any]], Any]:
            return lambda found: self._means(found)[part]

        return Closeness(
            sampled(lambda found: harmonic_mean(list(self._means(found).values()))),
            {part: sampled(mean_of(part)) for part in present},
        )

    def _means(self, found: Sequence[Any]) -> dict[Part, Any]:
        """Return each part's mean over the splits of its role."""
        means = {}
        for part in PARTS:
            same = [one for axis, one in zip(self._axes, found, strict=True) if axis.part == part]
            if same:
                means[part] = sum(same) / len(same)
        return means

    def _parts_not_measured(self) -> list[str]:
        """Return the parts that no split has of every reference row."""
        named = {axis.part for axis in self._axes} | self._unresolved
        return [
            f"{way} of the {role} splits: not every reference row has it"
            for role, way in PARTS
            if (role, way) not in named
        ]

    def _groups_of(self, split: str) -> int:
        return max(len(axis.sizes) for axis in self._axes if axis.split == split)

    def _resolved(self) -> Iterator[_Axis]:
        first = self.references.retrained[0]
        for split, numbers in first.items():
            if numbers.role not in FAR_MODEL:
                continue
            found = {way: self._stacks(split, numbers.role, way) for way in numbers.answers}
            stacks = {way: stack for way, stack in found.items() if stack is not None}
            if not stacks:
                continue
            # One set of examples for both ways, so that they are left out together.
            keep = ~numpy.isnan(numpy.vstack([numpy.vstack(s) for s in stacks.values()])).any(
                axis=0
            )
            if keep.sum() < TO_RANK:
                continue
            for way, (retrained, far) in stacks.items():
                away = dict(zip(self.references.targets, far[:, keep], strict=True))
                groups = numpy.unique(numbers.groups[keep], return_inverse=True)[1]
                axis = _Axis(
                    split,
                    (numbers.role, way),
                    keep,
                    groups,
                    numpy.bincount(groups),
                    retrained[:, keep],
                    between_retrained(retrained[:, keep]),
                    away,
                )
                if _is_resolved(axis):
                    yield axis
                else:
                    far = FAR_MODEL[numbers.role]
                    self._unresolved.add((numbers.role, way))
                    self.left_out.append(
                        f"{split} ({way}), which does not distinguish the {far} "
                        "from the retrained model"
                    )

    def _stacks(self, split: str, role: str, way: str) -> tuple[Any, Any] | None:
        """Return the numbers of retrained models, (R, n), and of far models by target seed, (T, n).

        None where a model has none, or those of other examples.
        """
        known = self.references
        like = known.retrained[0]
        retrained = _stacked(known.retrained, split, way, like)
        far = known.targets.values() if FAR_MODEL[role] == "target" else known.bases
        found = _stacked(list(far), split, way, like)
        if retrained is None or found is None:
            return None
        if FAR_MODEL[role] == "base":
            found = numpy.repeat(found.mean(axis=0, keepdims=True), len(known.targets), axis=0)
        return retrained, found


def harmonic_mean(values: Sequence[Any]) -> Any:
    """Return the harmonic mean of arrays, 0 where one of them is 0.

    It goes on below 0: where one is negative, it is minus that of the absolute values.
    """
    stacked = numpy.stack(numpy.broadcast_arrays(*values))
    sign = numpy.where((stacked < 0).any(axis=0), -1.0, 1.0)
    with numpy.errstate(divide="ignore"):
        return sign * len(stacked) / (1.0 / numpy.abs(stacked)).sum(axis=0)


def _why_not(references: References) -> str:
    count = len(references.retrained)
    if count < TO_RANK:
        return (
            f"closeness needs {TO_RANK} retrained models at least, and there is {count or 'none'}"
        )
    if not references.targets:
        return "closeness needs the target row"
    return "" if references.bases else "closeness needs the base row"


def _stacked(models: Sequence[PerExample], split: str, way: str, like: PerExample) -> Any:
    """Return the models' numbers of a split, (models, n); None where they do not match."""
    rows = []
    for numbers in models:
        found = numbers.get(split)
        if found is None or way not in found.answers or found.examples != like[split].examples:
            return None
        rows.append(found.answers[way])
    return numpy.stack(rows) if rows else None


def _rows(axis: _Axis, runs: Sequence[PerExample]) -> Any:
    """Return the runs' numbers of an axis' examples, (K, n); None where a run lacks one."""
    found = []
    for numbers in runs:
        split = numbers.get(axis.split)
        way = axis.part[1]
        if split is None or way not in split.answers or len(split.examples) != len(axis.keep):
            return None
        own = split.answers[way][axis.keep]
        if numpy.isnan(own).any():
            return None
        found.append(own)
    return numpy.stack(found)


def between_retrained(retrained: Any) -> Any:
    """Return by example how far retrained models are from the mean of the others: z.

    It is corrected for the mean of all, which holds one model more.

    Args:
        retrained: (R, n).

    Returns:
        (n,); None for a single model.
    """
    count = len(retrained)
    if count < TO_RANK:
        return None
    others = (retrained.sum(axis=0) - retrained) / (count - 1)
    correction = math.sqrt((1 + 1 / count) / (1 + 1 / (count - 1)))
    return correction * numpy.abs(retrained - others).mean(axis=0)


def _is_resolved(axis: _Axis) -> bool:
    """Whether the far model is two standard errors beyond what retrained models differ by."""
    centre = axis.retrained.mean(axis=0)
    away = numpy.mean([numpy.abs(one - centre) for one in axis.far.values()], axis=0) - axis.floor
    totals = numpy.bincount(axis.groups, weights=away - away.mean(), minlength=len(axis.sizes))
    groups = len(totals)
    if groups < TO_RANK:
        return False
    error = math.sqrt(groups / (groups - 1) * float((totals**2).sum())) / len(away)
    return bool(away.mean() > RESOLVED * error + ROUNDING)


def _distances(axis: _Axis, rows: Any, seeds: Sequence[int], retrained: Any, floor: Any) -> Any:
    """Return by run and example |a - r|, z, and what the far model is away, (3, K, n)."""
    centre = retrained.mean(axis=0)
    far = numpy.stack([numpy.abs(axis.far[seed] - centre) for seed in seeds])
    return numpy.stack([numpy.abs(rows - centre), numpy.broadcast_to(floor, far.shape), far])


def _share(own: Any, floor: Any, far: Any) -> Any:
    """Return 1 - (d - z) / (d(far) - z), not clipped; 0 where the far model is no farther."""
    span = far - floor
    with numpy.errstate(divide="ignore", invalid="ignore"):
        found = 1.0 - (own - floor) / span
    return numpy.where(span > 0, found, 0.0)


def _reach(part: Any, by_group: Any, by_model: Any) -> Any:
    """Return how much a change of an unclipped part counts where it is clipped, (K, 1).

    All within 0 to 1. Beyond, the true part can still be within: what counts falls to nothing over
    two standard errors.
    """
    groups, models = by_group.shape[1], by_model.shape[1]
    spread = by_model - by_model.mean(axis=1, keepdims=True)
    variance = (groups - 1) / groups * (by_group**2).sum(axis=1)
    variance = variance + (models - 1) / models * (spread**2).sum(axis=1)
    beyond = numpy.abs(part - numpy.clip(part, 0.0, 1.0))
    room = RESOLVED * numpy.sqrt(variance)
    with numpy.errstate(divide="ignore", invalid="ignore"):
        left = numpy.where(beyond > 0, numpy.clip(1.0 - beyond / room, 0.0, 1.0), 1.0)
    return left[:, None]


def _part(axis: _Axis, rows: Any, seeds: Sequence[int], chosen: Sequence[int] | None = None) -> Any:
    """Return a part by run, (K,), not clipped; with some of the retrained models, if given."""
    retrained = axis.retrained if chosen is None else axis.retrained[list(chosen)]
    floor = between_retrained(retrained)
    found = _distances(axis, rows, seeds, retrained, axis.floor if floor is None else floor)
    return _share(*found.mean(axis=2))


def _part_without_groups(axis: _Axis, rows: Any, seeds: Sequence[int]) -> Any:
    """Return a part by run without each group of examples, (K, G), not clipped."""
    found = _distances(axis, rows, seeds, axis.retrained, axis.floor)
    starts = numpy.cumsum(axis.sizes) - axis.sizes
    by_group = numpy.argsort(axis.groups, kind="stable")
    sums = numpy.add.reduceat(found[..., by_group], starts, axis=2)
    total, size = found.sum(axis=2, keepdims=True), found.shape[2]
    return _share(*((total - sums) / (size - axis.sizes)))
