"""Published models of a task in the place of the name `published`."""

from __future__ import annotations

from typing import Any

from unharness.data.named_task import make_task
from unharness.data.published_models import PUBLISHED, PublishedModels
from unharness.data.task import Task
from unharness.errors import UsageError
from unharness.registry import Registry
from unharness.request import RunRequest


def with_published_target(request: RunRequest, registry: Registry) -> RunRequest:
    """Return the request with the hub id of its task's published target, where it asks for that.

    Raises:
        UsageError: the task knows no published models of the base model.
        UnknownNameError, PluginError: the task is not there, or fails.
    """
    if request.target != PUBLISHED:
        return request
    task = make_task(request.task, registry)
    found = published_models(task, request.model, "--target", registry)
    return request.model_copy(update={"target": found.target})


def published_models(task: Task, model: str, flag: str, registry: Registry) -> PublishedModels:
    """Return the published models of a task for a model.

    Args:
        task: with its parameters.
        model: the base model, or the published target.
        flag: what the user gave, for messages.
        registry: names the task where it fails.

    Raises:
        UsageError: the task knows none.
        PluginError: the task raises, or gives something else.
    """
    with registry.named("tasks", task.name):
        found: Any = task.published_models(model)
        if found is not None and not isinstance(found, PublishedModels):
            raise TypeError(f"published_models() gave {type(found).__name__}")
    if found is None:
        raise UsageError(
            f"{flag} {PUBLISHED}: {task.full_name} knows no published models of {model}; "
            "give weights by their hub id or folder"
        )
    return found
