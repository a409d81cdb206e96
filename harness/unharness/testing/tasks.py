"""The suite of tasks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any, ClassVar

import pytest

from unharness.data.examples import Example, Role
from unharness.data.recipe import FineTuneConfig
from unharness.data.sources import DataSource
from unharness.data.task import Task
from unharness.data.task_data import TaskData
from unharness.errors import UnharnessError
from unharness.evaluation.columns import resolve_columns
from unharness.registry import registry
from unharness.testing.suite import SettingsConformance

_TUNED: tuple[Role, ...] = ("forget", "retain")
_CONTENT_HASH = """
import importlib, sys
from unharness.data.sources import DataSource
module, name, source = sys.argv[1:]
found = importlib.import_module(module)
for part in name.split("."):
    found = getattr(found, part)
print(found().load(DataSource(source)).content_hash())
"""


class TaskConformance(SettingsConformance):
    """Checks of a task and of its data: set `plugin`."""

    plugin: ClassVar[type[Task]]
    source: ClassVar[str] = "standin"
    """Where the data is read, as `--data` takes it."""
    other_process: ClassVar[bool] = True
    """Whether the data is also read in another process, whose sets and hashes are in another
    order."""

    def made_task(self) -> Task:
        """Return the task with the settings of the suite."""
        return self.plugin(self.made_settings())

    def data(self) -> TaskData:
        """Return its data; read once."""
        suite: Any = type(self)
        return _data(suite)

    def test_roles(self) -> None:
        """There is something to forget that a method may read, and something to keep."""
        data = self.data()
        data.require_forget_split()
        assert data.evaluated(), "no split is evaluated"
        kept: tuple[Role, ...] = ("retain", "utility", "general")
        assert any(data.with_role(role) for role in kept), "nothing says what must be kept"
        for split in data.splits.values():
            ids = [row.id for row in split.examples]
            assert len(ids) == len(set(ids)), f"{split.name}: two examples have one id"
            if split.role == "holdout":
                assert not split.learned, f"{split.name} is a holdout, and learned"
            if split.kind == "choice":
                bare = [row.id for row in split.examples if row.gold is None]
                assert not bare, f"{split.name}: no right choice in {bare[:3]}"

    def test_what_is_kept_is_not_what_is_forgotten(self) -> None:
        """No question of the forget set is in the retain set, the holdout or a utility set."""
        data = self.data()
        forget = {_key(row): row.id for split in data.with_role("forget") for row in split.examples}
        others: tuple[Role, ...] = ("retain", "holdout", "utility")
        for role in others:
            for split in data.with_role(role):
                for row in split.examples:
                    if _key(row) in forget:
                        raise AssertionError(
                            f"{split.name}: {row.id} asks what {forget[_key(row)]} of the forget "
                            "set asks"
                        )

    def test_hashes_are_stable(self) -> None:
        """Read again, and in another process, the data is the same."""
        first = self.data()
        again = self.made_task().load(DataSource(self.source))
        assert again.content_hash() == first.content_hash(), "the data differs when read again"
        assert [row.id for name in first.splits for row in first[name]] == [
            row.id for name in again.splits for row in again[name]
        ], "the ids differ when the data is read again"
        if self.other_process and not self.settings:
            task: Any = self.plugin
            found = _hash_elsewhere(task, self.source)
            assert found == first.content_hash(), "the data differs in another process"

    def test_metrics_fit_the_splits(self) -> None:
        """Every column is of a metric and a split that are there, and so are headline and axes."""
        task, data = self.made_task(), self.data()
        evaluated = {split.name: split for split in data.evaluated()}
        columns = {
            one.label: one for one in resolve_columns(tuple(task.metrics), evaluated, registry())
        }
        assert columns, "the task measures nothing"
        assert task.headline in columns or not task.gold, f"no column {task.headline!r}"
        for label in filter(None, (task.forget_axis, *task.retain_axes)):
            assert label in columns, f"no column {label!r} for an axis"
            assert columns[label].unit == "%", f"the axis {label} is in {columns[label].unit}"

    def test_the_target_s_recipe(self) -> None:
        """There is a recipe for a preset, and for a model that nobody knows."""
        for model in ("micro", "org/some-model"):
            for tuning in ("lora", "full"):
                recipe = self.made_task().tuned_recipe(model, tuning)
                assert isinstance(recipe, FineTuneConfig), f"{model}, {tuning}: {recipe!r}"

    def test_tuning_does_not_see_the_evaluation(self) -> None:
        """Validation splits hold no example that is only for evaluation."""
        data = self.data()
        try:
            validation = self.made_task().validation_splits(data)
        except UnharnessError as error:
            pytest.skip(f"the task cannot be tuned: {error}")
        # A split of a role that has nothing to hold out stays as it is.
        roles = [role for role in _TUNED if data.trainable(role)]
        readable = {
            _content(row)
            for split in data.splits.values()
            if split.trainable
            for row in split.examples
        }
        hidden = {
            _content(row): f"{split.name}: {row.id}"
            for role in roles
            for split in data.evaluated(role)
            if not split.trainable
            for row in split.examples
            if _content(row) not in readable
        }
        for split in (one for role in roles for one in validation.evaluated(role)):
            for row in split.examples:
                assert _content(row) not in hidden, (
                    f"{hidden[_content(row)]} is for the evaluation, and tuning sees it in "
                    f"{split.name}"
                )


@cache
def _data(suite: Any) -> TaskData:  # a subclass of TaskConformance
    task: Task = suite().made_task()
    return task.load(DataSource(suite.source))


@cache
def _hash_elsewhere(task: Any, source: str) -> str:
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    path: Sequence[Any] = [one for one in sys.path if one]
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", _CONTENT_HASH, task.__module__, task.__qualname__, source],
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"the task cannot be read in another process:\n{done.stderr}"
    return done.stdout.strip()


def _key(row: Example) -> tuple[str, ...]:
    """Return the question of an example, or its text where it asks nothing."""
    words = (row.prompt or row.answer).casefold().split()
    return (*words, *(() if not row.choices else ("|", *row.choices)))


def _content(row: Example) -> tuple[str, str]:
    return row.prompt.strip(), row.answer.strip()
