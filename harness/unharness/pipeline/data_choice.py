"""The task that a request names, its data, and the general text that a method wants."""

from __future__ import annotations

from typing import Any

from unharness.data.general_text import (
    AUTO,
    BUNDLED,
    HUB_REPOSITORY,
    GeneralText,
    load_general,
)
from unharness.data.sources import DataSource
from unharness.data.task import Task
from unharness.data.task_data import TaskData
from unharness.errors import UsageError
from unharness.evaluation.uses import Use
from unharness.models.source import ModelSource
from unharness.registry import Registry
from unharness.request import RunRequest
from unharness.unlearning.method import Method


def find_task(name: str, registry: Registry) -> tuple[Task, tuple[Use, ...]]:
    """Return a task and what it measures.

    Raises:
        UnknownNameError: nothing is registered under the name.
        PluginError: the task raises; names it.
    """
    task_class = registry.get("tasks", name)
    with registry.named("tasks", name):
        task: Task = task_class()
        return task, tuple(task.metrics)


def load_data(task: Task, source: str, registry: Registry) -> TaskData:
    """Return a task's data from a source.

    Raises:
        PluginError: the task raises, or gives something else; names it.
        DataError: the data is missing or malformed.
    """
    with registry.named("tasks", task.name):
        data: Any = task.load(DataSource(source))
        if not isinstance(data, TaskData):
            raise TypeError(f"load() gave {type(data).__name__}, not TaskData")
        data.require_forget_split()
        return data


def find_general(
    request: RunRequest, method: Method, data: TaskData, base: ModelSource, registry: Registry
) -> GeneralText | None:
    """Return the general text that a method wants: the user's, the task's, or the model's own.

    Raises:
        UsageError: there is none; says where to get some.
    """
    with registry.named("methods", method.name):
        roles = {stream.role for stream in method.streams().values()}
    if "general" not in roles:
        return None
    if request.general != AUTO:
        found = load_general(request.general)
    elif own := data.trainable("general"):
        rows = tuple(row for split in own for row in split.examples)
        found = GeneralText(rows, f"the task's own ({data.origin.description})")
    elif base.knowledge():
        found = load_general(BUNDLED)
    else:
        raise UsageError(
            f"method {method.name!r} needs general text, and neither the task nor "
            f"{base.name} brings any: give --general FILE (JSON, JSON lines or plain text), "
            f"--general hub ({HUB_REPOSITORY}), or --general bundled (150 facts)"
        )
    return found
