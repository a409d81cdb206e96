"""Published models of a task in the place of the name `published`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unharness.data.named_task import make_task
from unharness.data.published_models import PUBLISHED, PublishedModels
from unharness.data.task import Task
from unharness.errors import UsageError
from unharness.hub import commit_of, hub_name
from unharness.registry import Registry
from unharness.request import RunRequest

if TYPE_CHECKING:
    from unharness.pipeline.run_plan import RunPlan


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
    found = _known_to(task, model, registry)
    if found is None:
        raise UsageError(
            f"{flag} {PUBLISHED}: {task.full_name} knows no published models of {model}; "
            "give weights by their hub id or folder"
        )
    return found


def published_note(plan: RunPlan, registry: Registry) -> str:
    """Return what to say of a run that trains a target which others have published.

    Empty where the target is given or learns nothing, where the task knows of none, and where the
    hub does not answer that it has both models.

    Raises:
        PluginError: the task raises, or gives something else.
    """
    model, task = plan.request.model, plan.task
    if plan.given is not None or not plan.learns:
        return ""
    found = _known_to(task, model, registry)
    if found is None or not (_on_hub(found.target) and _on_hub(found.retrained)):
        return ""
    return (
        f"published for {task.full_name} and this base model: target {found.target}, taken by "
        f"--target {PUBLISHED}; retrained {found.retrained}, by 'unharness evaluate --weights "
        f"{PUBLISHED} --beside RUN --gold'"
    )


def _known_to(task: Task, model: str, registry: Registry) -> PublishedModels | None:
    with registry.named("tasks", task.name):
        found: Any = task.published_models(model)
        if found is not None and not isinstance(found, PublishedModels):
            raise TypeError(f"published_models() gave {type(found).__name__}")
    return found


def _on_hub(given: str) -> bool:
    """Whether the hub answers that it has a model; False for any failure, as no run needs this."""
    named = hub_name(given)
    try:
        return named is not None and bool(commit_of("model", named))
    except Exception:
        return False
