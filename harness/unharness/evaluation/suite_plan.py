"""From a suite's name, or names of lm-eval's tasks, to what will be asked, checked beforehand."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from unharness.errors import UsageError, suggestion
from unharness.evaluation.suite import NONE, Suite, SuiteTask
from unharness.evaluation.suite_data import LocalData, local_data
from unharness.evaluation.suite_definitions import (
    TAG,
    Definition,
    check_yaml,
    defines,
    definitions,
    first_metric,
    folder_hash,
    folders_of,
    lm_eval_folder,
    lm_eval_is_editable,
    lm_eval_version,
    manager_of,
    plain_definition,
    short_hash,
)
from unharness.records.notes import recall, remember
from unharness.registry import Registry

KIND = "suites"
"""What notes on suites are called in the cache."""
NOTES = 2
"""Raised whenever a note says something else."""
CLOSE = 0.85
"""A name at least this similar to a known one (difflib's ratio) counts as misspelt."""


@dataclass(frozen=True)
class SuitePlan:
    """A suite, resolved: its tasks exist, and say what they are."""

    name: str
    tasks: tuple[SuiteTask, ...]
    include_path: Path | None
    bundled: bool
    """Whether lm-eval's own definitions are needed; they take seconds to look through."""
    offline: bool
    same_questions: bool = False
    """Whether the tasks ask the same questions in several forms."""
    large: bool = False
    """Whether a CPU would take hours for all of its questions."""
    known: Mapping[str, Any] | None = None
    """What lm-eval's definitions were found to be before."""
    data: LocalData | None = None
    """What is read from files of the user's."""
    limit: int | None = None
    """Questions of each task; of a group, of all its members together. None for all."""

    @cached_property
    def manager(self) -> Any:
        """lm-eval's TaskManager with the definitions that are needed."""
        own: list[str | Path] = [self.include_path] if self.include_path else []
        if self.data:
            own.append(self.data.definitions())
        if self.known and self.known["folders"] is not None:
            return manager_of([*self.known["folders"], *own], bundled=False)
        return manager_of(own, bundled=self.bundled)

    @cached_property
    def identity(self) -> Mapping[str, Any]:
        """What decides the numbers, as JSON values: content, no paths."""
        assert self.known is not None
        found: dict[str, Any] = dict(self.known["identity"])
        if self.data:
            found["tasks"] = [
                task | ({"data": read} if (read := self.data_hash(task["name"])) else {})
                for task in found["tasks"]
            ]
        if self.limit is not None:
            found["limit"] = self.limit
        return found

    def definitions(self, name: str) -> list[Definition]:
        """Return the definitions of one of the tasks, or of the members of a group."""
        assert self.known is not None
        return [Definition(**one) for one in self.known["definitions"][name]]

    def data_hash(self, name: str) -> str | None:
        """Return the hash of the files that a task reads; None where it reads none."""
        return (
            self.data.hash_of([one.task for one in self.definitions(name)]) if self.data else None
        )

    def reading(self, folder: Path | None, *, required: bool) -> SuitePlan:
        """Return the plan with the questions that lie in a folder read from there.

        Raises:
            DataError: nothing lies there, and `required` says that something must.
        """
        if folder is None:
            return self
        wanted = [one for task in self.tasks for one in self.definitions(task.name)]
        return replace(self, data=local_data(folder, wanted, required=required))

    def asking(self, limit: int | None) -> SuitePlan:
        """Return the plan with at most so many questions of each task; None for all."""
        return replace(self, limit=limit)


def plan_suite(text: str, folder: str | Path | None, registry: Registry) -> SuitePlan | None:
    """Return what a suite's name, or comma-separated names of lm-eval's tasks, stand for.

    Args:
        text: `none`, a registered suite, or tasks of lm-eval or of `folder`.
        folder: one of lm-eval YAML of the user's own.
        registry: knows the suites.

    Raises:
        UsageError: a name is unknown; offers the nearest ones.
        DataError: the folder is missing, or a YAML file in it is broken; names the line.
    """
    include_path = Path(folder).expanduser() if folder is not None else None
    if include_path is not None:
        check_yaml(include_path)
    if text == NONE:
        return None
    suite: type[Suite] | None = None
    if text in registry.names("suites"):
        suite = registry.get("suites", text)
        include_path = suite.include_path
    asked = {
        "notes": NOTES,
        "suite": text,
        "tasks": [asdict(task) for task in suite.tasks] if suite else None,
        "files": folder_hash(include_path) if include_path else None,
        "lm_eval": lm_eval_version(),
        "places": [lm_eval_folder(), include_path and str(include_path.resolve())],
    }
    if answer := recall(KIND, asked):
        tasks = tuple(SuiteTask(**task) for task in answer["tasks"])
        name, bundled = answer["known"]["identity"]["name"], answer["bundled"]
        return _made(name, tasks, include_path, bundled, suite, answer["known"])
    plan = _registered(suite, include_path) if suite else _by_names(text, include_path, registry)
    _refuse_unknown(plan, registry)
    if suite is None:
        plan = _with_metrics(plan)
    plan = replace(plan, known=_known(plan))
    if not (plan.bundled and lm_eval_is_editable()):
        listed = [asdict(task) for task in plan.tasks]
        remember(KIND, asked, {"tasks": listed, "bundled": plan.bundled, "known": plan.known})
    return plan


def _made(
    name: str,
    tasks: tuple[SuiteTask, ...],
    include_path: Path | None,
    bundled: bool,
    suite: type[Suite] | None,
    known: Mapping[str, Any] | None = None,
) -> SuitePlan:
    return SuitePlan(
        name,
        tasks,
        include_path,
        bundled,
        offline=suite.offline if suite else False,
        same_questions=suite.same_questions if suite else False,
        large=suite.large if suite else bundled,
        known=known,
    )


def _registered(suite: type[Suite], path: Path | None) -> SuitePlan:
    own = path is not None and all(defines(path, task.name) for task in suite.tasks)
    return _made(suite.name, tuple(suite.tasks), path, not own, suite)


def _by_names(text: str, include_path: Path | None, registry: Registry) -> SuitePlan:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise UsageError("--suite is empty; give a suite, names of lm-eval's tasks, or 'none'")
    own = include_path is not None and all(defines(include_path, name) for name in names)
    if not own:
        _refuse_slips(names, registry)
    tasks = tuple(SuiteTask(name) for name in names)
    return _made(",".join(names), tasks, include_path, not own, None)


def _with_metrics(plan: SuitePlan) -> SuitePlan:
    """Choose the first metric of each task's definition: nobody said which."""
    index = plan.manager.task_index
    chosen = (replace(task, metric=first_metric(index[task.name].cfg)) for task in plan.tasks)
    return replace(plan, tasks=tuple(chosen))


def _known(plan: SuitePlan) -> Mapping[str, Any]:
    """Return what lm-eval's definitions say of a plan's tasks, as JSON values.

    It takes lm-eval seconds to find them among all that it has.
    """
    index = plan.manager.task_index
    tasks = []
    for task in plan.tasks:
        config = plain_definition(index[task.name])
        tasks.append(
            {
                "name": task.name,
                "shots": task.shots,
                "metric": task.metric,
                "version": (config.get("metadata") or {}).get("version"),
                "config": short_hash(config),
            }
            | ({} if task.averaged else {"averaged": False})
        )
    files = folder_hash(plan.include_path) if plan.include_path else None
    names = [task.name for task in plan.tasks]
    return {
        "identity": {"name": plan.name, "tasks": tasks, "files": files},
        "definitions": {name: _listed(index, name) for name in names},
        "folders": _enough(plan, names) if plan.bundled else None,
    }


def _listed(index: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    return [asdict(one) for one in definitions(index, name) or ()]


def _enough(plan: SuitePlan, names: Sequence[str]) -> list[str] | None:
    """Return the folders of lm-eval that define the tasks and all that these need.

    Reading those alone takes no time. None where they would give something else than all folders.
    """
    index = plan.manager.task_index
    found = [folders_of(index, name) for name in names]
    if None in found:
        return None
    # Of two definitions of a name lm-eval takes the first in a folder, and the last of folders.
    folders = sorted({folder for one in found for folder in one or ()}, reverse=True)
    own = [plan.include_path] if plan.include_path else []
    few = manager_of([*folders, *own], bundled=False).task_index
    same = all(
        name in few
        and _listed(few, name) == _listed(index, name)
        and folders_of(few, name) == folders_of(index, name)
        and plain_definition(few[name]) == plain_definition(index[name])
        for name in names
    )
    return folders if same else None


def _refuse_slips(names: Sequence[str], registry: Registry) -> None:
    """Report a misspelt name at once: lm-eval reads 14,000 files before it knows its tasks.

    Raises:
        UsageError: a name is all but that of a suite.
    """
    for name in names:
        near = difflib.get_close_matches(name, [*registry.names("suites"), NONE], 1, CLOSE)
        if near:
            raise UsageError(
                f"unknown suite or lm-eval task {name!r}. Did you mean {near[0]}? "
                "'unharness suites' lists suites, 'lm-eval ls tasks' the tasks"
            )


def _refuse_unknown(plan: SuitePlan, registry: Registry) -> None:
    index = plan.manager.task_index
    for task in plan.tasks:
        if task.name not in index:
            names = [*registry.names("suites"), NONE, *index]
            near = suggestion(task.name, names)
            near = near if len(near) < 300 else ""
            raise UsageError(
                f"unknown suite or lm-eval task {task.name!r}.{near} "
                "'unharness suites' lists suites, 'lm-eval ls tasks' the tasks"
            )
        if (entry := index[task.name]).kind.name == TAG:
            few = ",".join(sorted(entry.tags)[:3])
            raise UsageError(
                f"{task.name!r} is a tag of {len(entry.tags)} lm-eval tasks and has no number of "
                f"its own; name the tasks, such as {few}"
            )
