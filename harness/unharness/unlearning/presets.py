"""Presets: hyperparameters that somebody published for a method, a task and a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unharness.errors import UsageError
from unharness.named_settings import bare_name


@dataclass(frozen=True)
class Preset:
    """A method's hyperparameters for one task and one published model."""

    name: str
    """As after `--preset`."""
    task: str
    model: str
    """The published model's name, without its owner."""
    settings: Mapping[str, Any]
    source: str = ""
    """Where they are published."""

    @property
    def label(self) -> str:
        """Return name and model, as records show it."""
        return f"{self.name} ({self.model})"


def find_preset(
    presets: Sequence[Preset],
    requested: str,
    *,
    method: str,
    task: str,
    is_model: Callable[[str], bool],
) -> Preset:
    """Return the preset that was asked for.

    Args:
        presets: the method's.
        requested: `NAME` for the model in hand, `NAME:MODEL` for another model's.
        method: its name, for messages.
        task: its name, perhaps with parameters.
        is_model: whether a published name is that of the model in hand.

    Raises:
        UsageError: there is none; lists those that there are.
    """
    name, mark, other = requested.partition(":")
    # What is published for these very parameters comes before what is for the task.
    for preset in sorted(presets, key=lambda one: one.task != task):
        wanted = preset.model.casefold() == other.casefold() if mark else is_model(preset.model)
        if preset.name == name and preset.task in (task, bare_name(task)) and wanted:
            return preset
    if not presets:
        raise UsageError(f"method {method!r} has no presets; leave --preset out")
    known = ", ".join(
        f"{preset.name}:{preset.model} ({preset.task})" for preset in sorted(presets, key=_order)
    )
    whose = f"model {other!r}" if mark else "this model"
    raise UsageError(
        f"method {method!r} has no preset {name!r} for {whose} on {task}. There are: {known}. "
        "NAME:MODEL takes another model's"
    )


def _order(preset: Preset) -> tuple[str, str, str]:
    return preset.name, preset.task, preset.model
