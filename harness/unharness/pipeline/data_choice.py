"""The data of a run: a task's splits, and the general text that a method wants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from unharness.data.examples import Example, Split
from unharness.data.general_text import HUB_REPOSITORY, GeneralText, find_general
from unharness.data.sources import DataSource
from unharness.data.task import Task
from unharness.data.task_data import TaskData
from unharness.errors import UsageError
from unharness.pipeline.model_choice import RunModels
from unharness.reference_rows import row_of
from unharness.registry import Registry
from unharness.request import RunRequest, SharedRequest
from unharness.unlearning.method import Method
from unharness.unlearning.stream_check import require_streams


@dataclass(frozen=True)
class RunData:
    """What a run reads."""

    splits: TaskData
    """The task's, as far as the run knows them."""
    evaluated: Mapping[str, Split]
    """Those that are measured, by name."""
    general: GeneralText | None
    """What a method wants that keeps to general text."""
    with_general: TaskData
    """The splits, and the general text as one more."""
    knowledge: tuple[Example, ...]
    """What every model learns besides the task's facts."""


def choose_data(
    request: RunRequest, task: Task, method: Method, models: RunModels, registry: Registry
) -> RunData:
    """Return the data of a run, as the user limits and changes it.

    Args:
        request: what the user asks for.
        task: the one that it names.
        method: may want general text.
        models: may learn fewer examples than all, and something besides them.
        registry: names the plugin that fails.

    Raises:
        PluginError: the task or the method raises, or gives something else; names it.
        DataError: the data is missing or malformed.
        UsageError: the task lacks what the method reads, or there is no general text for a method
            that wants some; says where to get it. Or there can be no retrained model.
    """
    if not task.gold and row_of(request.method, registry) == "retrained":
        raise UsageError(
            f"task {task.full_name!r} has no gold: the target learns nothing here that is to be "
            "forgotten, so there is no retrained model; its target row is the base model"
        )
    data = load_data(task, source_of(request), registry)
    unlearns = row_of(request.method, registry) is None
    if unlearns:
        with registry.named("tasks", task.name):
            data.require_forget_split()
    with registry.named("methods", method.name):
        roles = {stream.role for stream in method.streams().values()}
    if request.eval_split == "validation":
        data = task.validation_splits(data)
    data = data.without_own(
        template=request.template is not None,
        max_new_tokens=request.max_new_tokens is not None,
    )
    limit = request.limit_train or models.base.limit_train
    data = data.limited(limit)
    general = None
    if "general" in roles:
        general = find_general(request.general, data, bundled=bool(models.base.knowledge()))
        if general is None:
            raise UsageError(
                f"method {method.name!r} needs general text, and neither the task nor "
                f"{models.base.name} brings any: give --general FILE (JSON, JSON lines or plain "
                f"text), --general hub ({HUB_REPOSITORY}), or --general bundled (150 facts)"
            )
        general = replace(general, examples=general.examples[:limit])
    with_general = data.joined(general.split) if general else data
    if unlearns:
        with registry.named("methods", method.name):
            require_streams(method, with_general, task.name)
    return RunData(
        splits=data,
        evaluated={split.name: split for split in data.evaluated()},
        general=general,
        with_general=with_general,
        knowledge=models.fresh.knowledge()[:limit],
    )


def source_of(request: SharedRequest) -> DataSource:
    """Return where a request wants its task's data from."""
    return DataSource(request.data, request.retain, request.columns)


def load_data(task: Task, source: DataSource, registry: Registry) -> TaskData:
    """Return a task's data from a source.

    Raises:
        PluginError: the task raises, or gives something else; names it.
        DataError: the data is missing or malformed.
    """
    with registry.named("tasks", task.name):
        data: Any = task.load(source)
        if not isinstance(data, TaskData):
            raise TypeError(f"load() gave {type(data).__name__}, not TaskData")
        return data
