"""The hooks a plugin may implement. Mark an implementation with `@unharness.hookimpl`.

An implementation may take fewer arguments than its specification, so that a later version can
add one. The first eight hooks return an iterable of classes, or of `Ref`s that name a class
without importing it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from unharness.cli.main import LazyGroup
    from unharness.records.record import RunRecord
    from unharness.spec import RunSpec

PROJECT = "unharness"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def unharness_methods() -> Iterable[Any]:  # type: ignore[empty-body]
    """Return unlearning methods: subclasses of `unharness.Method`, or Refs to them."""


@hookspec
def unharness_tasks() -> Iterable[Any]:  # type: ignore[empty-body]
    """Return tasks: subclasses of `unharness.Task`, or Refs to them."""


@hookspec
def unharness_metrics() -> Iterable[Any]:  # type: ignore[empty-body]
    """Return metrics: subclasses of `unharness.Metric`, or Refs to them."""


@hookspec
def unharness_observers() -> Iterable[Any]:  # type: ignore[empty-body]
    """Return observers: subclasses of `unharness.Observer`, or Refs to them."""


@hookspec
def unharness_suites() -> Iterable[Any]:  # type: ignore[empty-body]
    """Return suites of general knowledge: subclasses of `unharness.Suite`, or Refs to them."""


@hookspec
def unharness_engines() -> Iterable[Any]:  # type: ignore[empty-body]
    """Return text generation engines: subclasses of `unharness.Engine`, or Refs to them."""


@hookspec
def unharness_models() -> Iterable[Any]:  # type: ignore[empty-body]
    """Return model presets: subclasses of `unharness.ModelPreset`, or Refs to them."""


@hookspec
def unharness_executors() -> Iterable[Any]:  # type: ignore[empty-body]
    """Return executors of sweeps: subclasses of `unharness.Executor`, or Refs to them."""


@hookspec
def unharness_prompts() -> Mapping[str, str]:  # type: ignore[empty-body]
    """Return instructions that `--prompt NAME` sets before every evaluated question, by name."""


@hookspec
def unharness_published_results() -> Mapping[str, Path]:  # type: ignore[empty-body]
    """Return files of published results (`unharness.PublishedResults` as JSON), by name.

    `unharness leaderboard --reference NAME` shows them beside our rows.
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
