"""The plugins that a request names: looked up at once, before anything is read or fetched."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from unharness.data.named_task import make_task
from unharness.data.task import Task
from unharness.engines.choice import choose_engine
from unharness.engines.engine import Engine
from unharness.evaluation.uses import Use, uses_of
from unharness.loggers.listening import find_loggers
from unharness.loggers.logger import Logger
from unharness.models.family import same_model
from unharness.pipeline.engine_pool import engine_options
from unharness.registry import Registry
from unharness.request import RunRequest
from unharness.unlearning.method import Method
from unharness.unlearning.presets import Preset, find_preset


@dataclass(frozen=True)
class NamedPlugins:
    """The task, the method, the engine and the loggers of a run."""

    task: Task
    uses: tuple[Use, ...]
    """What the task measures."""
    method: type[Method]
    preset: Preset | None
    """Published hyperparameters of the method, where the request asks for some."""
    engine: type[Engine]
    """What generates text."""
    engine_reason: str
    """Why it is this engine."""
    loggers: tuple[type[Logger], ...] = ()
    """What is told of the run."""


def named_plugins(request: RunRequest, device: str, registry: Registry) -> NamedPlugins:
    """Return what a request names, its engine's options checked.

    Raises:
        UnknownNameError: nothing is registered under one of the names.
        PluginError: a plugin cannot be loaded, or the task raises; names it.
        UsageError: a parameter of the task or an option of the engine is unknown or out of
            bounds; or the method has no such preset for the task and model; or the library of a
            logger is missing.
    """
    loggers = find_loggers(request.log, registry)
    engine_name, reason = choose_engine(request.engine, device)
    task = make_task(request.task, registry)
    with registry.named("tasks", task.name):
        uses = uses_of(task, registry)
    method: type[Method] = registry.get("methods", request.method)
    engine: type[Engine] = registry.get("engines", engine_name)
    engine_options(engine, request.engine_set)
    preset = None
    if request.preset is not None:
        preset = find_preset(
            method.presets,
            request.preset,
            method=method.name,
            task=task.full_name,
            is_model=partial(same_model, request.model),
        )
    return NamedPlugins(task, uses, method, preset, engine, reason, loggers)
