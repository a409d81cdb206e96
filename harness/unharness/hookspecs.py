"""The hooks a plugin may implement. Mark an implementation with `@unharness.hookimpl`.

An implementation may take fewer arguments than its specification, so that a later version can
add one. Every kind of `unharness.kinds` has a hook `unharness_<kind>`, which returns an iterable of
classes, or of `Ref`s that name a class without importing it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from unharness.kinds import KINDS, Kind

if TYPE_CHECKING:
    from unharness.cli.main import LazyGroup
    from unharness.evaluation.uses import Composite, MetricUse
    from unharness.records.record import RunRecord
    from unharness.records.spec import RunSpec

PROJECT = "unharness"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


def _kind_spec(name: str, kind: Kind) -> Callable[[], Iterable[Any]]:
    """Return the specification of a kind's hook."""

    def spec() -> Iterable[Any]:  # type: ignore[empty-body]
        pass

    base = kind.base.partition(":")[2]
    spec.__doc__ = f"Return {kind.words}: subclasses of `unharness.{base}`, or Refs to them."
    spec.__name__ = spec.__qualname__ = f"unharness_{name}"
    return hookspec(spec)


globals().update({f"unharness_{name}": _kind_spec(name, kind) for name, kind in KINDS.items()})


@hookspec
def unharness_prompts() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Return instructions that `--prompt NAME` sets before every evaluated question, by name."""


@hookspec
def unharness_task_metrics() -> Mapping[str, Sequence[MetricUse | Composite]]:  # type: ignore[empty-body]
    """Return columns to add after a task's own, by the task's name.

    A column whose label the task already uses is left out. So is a `MetricUse(…, optional=True)`
    where the data has no such split.
    """


@hookspec
def unharness_published_results() -> Mapping[str, Path]:  # type: ignore[empty-body]
    """Return files of published results (`unharness.PublishedResults` as JSON), by name.

    `unharness leaderboard --reference NAME` shows them beside our rows.
    """


@hookspec
def unharness_reference_rows() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Return the names of the methods that make the reference rows.

    Keys are `base`, `target` and `retrained`; any may be left out. Where two plugins name a method
    for the same row, the first one to load decides.
    """


@hookspec
def unharness_run_started(spec: RunSpec) -> None:
    """Hear that a run begins, after its spec is resolved and before anything is trained."""


@hookspec
def unharness_step(run_id: str, step: int, values: dict[str, float]) -> None:
    """Hear of every optimizer step: `values` holds `loss`, `lr` and `grad_norm`."""


@hookspec
def unharness_run_finished(record: RunRecord) -> None:
    """Hear that a run ended, done or failed, after its record is on the disk."""


@hookspec
def unharness_commands(cli: LazyGroup) -> None:
    """Add commands to the command line: `cli.add_lazy(Ref(…))`, or `cli.add_command(…)`."""
