"""From a model to observations: every part of every metric's request, observed once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import groupby

from unharness.data.examples import Split
from unharness.data.task_data import TaskData
from unharness.errors import ModelError, PluginError, ProcessError, UnharnessError
from unharness.evaluation.columns import Column, MetricColumn, observable
from unharness.evaluation.observed import Observed
from unharness.evaluation.observer import Observer, ObserverContext
from unharness.evaluation.requests import Generated, Observation, Paired
from unharness.evaluation.scoring import Observations
from unharness.registry import Registry


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
    of one without) is left out; the columns that need it get no value. An observer of a plugin
    that fails costs its own columns alone.

    Raises:
        ModelError, ProcessError: the model or the engine is broken.
        PluginError: an observer of unharness itself failed.
    """
    splits = {split.name: split for split in data.evaluated()}
    observed: dict[tuple[str, Observation], Observed] = {}
    wanted = [one for one in _wanted(columns) if observable(one[1], splits[one[0]])]
    for name, keys in _steps(wanted, registry):
        asked = [(splits[split], part) for split, part in keys]
        try:
            with registry.named("observers", name):
                found = _observed(registry.get("observers", name)(), context, asked)
        except (ModelError, ProcessError):
            raise  # the model or the engine is broken, and with it the run
        except UnharnessError as error:
            if registry.entry("observers", name).plugin.builtin:
                raise
            reason = _reason(name, error, registry)
            found = [Observed(reason=reason, faulty=True) for _ in keys]
        observed |= zip(keys, found, strict=True)
    return Observations(splits, observed, bootstrap_seed)


def _steps(
    wanted: Sequence[tuple[str, Observation]], registry: Registry
) -> Iterator[tuple[str, list[tuple[str, Observation]]]]:
    """Yield the observers' names, and which requests each answers at a time."""
    for name, group in groupby(wanted, key=lambda one: one[1].observer):
        keys = list(group)
        together = False
        with suppress(PluginError):  # one that cannot be loaded fails in its turn
            together = registry.get("observers", name).together
        yield from [(name, keys)] if together else ((name, [key]) for key in keys)


def _observed(
    observer: Observer, context: ObserverContext, asked: Sequence[tuple[Split, Observation]]
) -> Sequence[Observed]:
    """Return what an observer gives, checked.

    Raises:
        TypeError, ValueError: it is nothing that can be stored.
    """
    names = dict.fromkeys(split.name for split, _ in asked)
    title = observer.stage.format(split=", ".join(names))
    with context.progress.stage(title) as stage:
        found = list(observer.observe_together(context, asked, stage.step))
    if len(found) != len(asked):
        raise ValueError(f"gave {len(found)} results for {len(asked)} requests")
    for one in found:
        if not isinstance(one, Observed):
            raise TypeError(f"gave {type(one).__name__}, not Observed")
        one.check_storable()
    return found


def _reason(name: str, error: UnharnessError, registry: Registry) -> str:
    """Return why there is nothing; a PluginError says whose fault it is already."""
    if isinstance(error, PluginError):
        return str(error)
    return f"{registry.called('observers', name)} failed: {error}"


def _wanted(columns: Sequence[Column]) -> list[tuple[str, Observation]]:
    """Return every split and part of a request once, by observer; text last, then what is of it.

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

    def place(one: tuple[str, Observation]) -> tuple[bool, bool, int, str]:
        request = one[1]
        other = request.with_ if isinstance(request, Paired) else ""
        read = request.of_text and not isinstance(request, Generated)
        return request.of_text, read, first.index(request.observer), other

    return sorted(found, key=place)
