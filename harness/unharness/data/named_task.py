"""From `NAME:PARAMETER=VALUE,…` to a task."""

from __future__ import annotations

from unharness.checked import checked
from unharness.data.task import Task
from unharness.named_settings import parse_named
from unharness.registry import Registry


def make_task(text: str, registry: Registry) -> Task:
    """Return the task that a user or a record names, with its parameters.

    Args:
        text: as after `--task`: a name, or `NAME:PARAMETER=VALUE,…`.
        registry: knows the tasks.

    Raises:
        UnknownNameError: there is no such task.
        UsageError: a parameter is unknown or out of bounds.
        PluginError: the task cannot be loaded, or raises; names it.
    """
    name, given = parse_named(text, "--task")
    task_class: type[Task] = registry.get("tasks", name)
    config = checked(
        f"task {name!r}",
        task_class.Config,
        given,
        noun="parameter",
        hint=f". 'unharness tasks show {name}' lists what is allowed",
    )
    with registry.named("tasks", name):
        return task_class(config)


def full_task_name(text: str, registry: Registry) -> str:
    """Return the name that records have for what a user calls a task.

    One without parameters stays as it is, so that records of tasks that are not installed can be
    named too.

    Raises:
        UnknownNameError, UsageError, PluginError: as `make_task`.
    """
    return make_task(text, registry).full_name if ":" in text else text.strip()
