"""From a model to observations: every part of every metric's request, observed once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from unharness.data.task_data import TaskData
from unharness.evaluation.columns import Column, MetricColumn, observable
from unharness.evaluation.observed import Observed
from unharness.evaluation.observer import Observer, ObserverContext
from unharness.evaluation.requests import Generated, Observation, Paired
from unharness.evaluation.scoring import Observations
from unharness.plugins import Registry


def observe(
    context: ObserverContext,
    data: TaskData,
    columns: Sequence[Column],
    registry: Registry,
    *,
    bootstrap_seed: int,
) -> Observations:
    """Observe what the columns need, and no more.

    A part of a request that a split does not have (text of a split that generates none, choices
    of one without) is left out; the columns that need it get no value.
    """
    splits = {split.name: split for split in data.evaluated()}
    observed: dict[tuple[str, Observation], Observed] = {}
    wanted = [one for one in _wanted(columns) if observable(one[1], splits[one[0]])]
    for observer, keys in _steps(wanted, registry):
        asked = [(splits[name], part) for name, part in keys]
        title = observer.stage.format(split=", ".join(name for name, _ in keys))
        with context.progress.stage(title) as stage:
            found = observer.observe_together(context, asked, stage.step)
        observed |= zip(keys, found, strict=True)
    return Observations(splits, observed, bootstrap_seed)


def _steps(
    wanted: Sequence[tuple[str, Observation]], registry: Registry
) -> Iterator[tuple[Observer, list[tuple[str, Observation]]]]:
    """Yield which observer answers which requests at a time."""
    for name, group in groupby(wanted, key=lambda one: one[1].observer):
        with registry.named("observers", name):
            observer: Observer = registry.get("observers", name)()
        keys = list(group)
        if observer.together:
            yield observer, keys
        else:
            yield from ((observer, [key]) for key in keys)


def _wanted(columns: Sequence[Column]) -> list[tuple[str, Observation]]:
    """Return every split and part of a request once, by observer; text last.

    Pairs with one model stand together, so that it is loaded once.
    """
    found = {
        (split, part): None
        for column in columns
        if isinstance(column, MetricColumn)
        for split in column.splits
        for part in column.metric.observes().parts()
    }

    first = list(dict.fromkeys(part.observer for _, part in found))

    def place(one: tuple[str, Observation]) -> tuple[bool, int, str]:
        request = one[1]
        other = request.with_ if isinstance(request, Paired) else ""
        return isinstance(request, Generated), first.index(request.observer), other

    return sorted(found, key=place)


def most_common_share(observations: Observations, split: str) -> tuple[float, str]:
    """Return the share (0 to 1) of a split's most common greedy text, and that text."""
    found = observations.get(split, Generated())
    if found is None:
        return 0.0, ""
    texts = [samples[0].strip() for samples in found.texts["samples"]]
    text, count = Counter(texts).most_common(1)[0]
    return count / len(texts), text
