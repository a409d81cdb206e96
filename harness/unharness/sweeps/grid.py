"""A grid of runs: every method with every task, model, seed and value of a hyperparameter."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import Field, field_validator

from unharness import defaults
from unharness.checked import checked
from unharness.data.named_task import full_task_name
from unharness.data.recipe import HIGHEST_SEED
from unharness.errors import UsageError, suggestion
from unharness.named_settings import split_names
from unharness.pipeline.published_weights import with_published_target
from unharness.registry import Registry
from unharness.request import RunRequest, SharedRequest

MOST_SEEDS = 10_000


class SweepRequest(SharedRequest):
    """What a user asks of a sweep: lists where a run has one value, and what all runs share."""

    method: tuple[str, ...] = (defaults.METHOD,)
    task: tuple[str, ...] = (defaults.TASK,)
    model: tuple[str, ...] = ("tiny",)
    seed: tuple[int, ...] = (0,)
    """Numbers, or `0..4` for all from 0 to 4."""
    target_seed: tuple[int, ...] = ()
    """The same, of the target model; empty: the seed that its recipe has."""
    references: bool = True
    """Whether to make the reference rows too: base, target and retrained model."""
    set: dict[str, tuple[Any, ...]] = Field(default_factory=dict)
    """Values by hyperparameter, or by `METHOD.hyperparameter` for one method alone."""

    @field_validator("method", "task", "model", "prompt", mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        return split_names(value) if isinstance(value, str) else value

    @field_validator("seed", "target_seed", mode="before")
    @classmethod
    def _seeds(cls, value: Any) -> Any:
        parts = value if isinstance(value, (list, tuple)) else str(value).split(",")
        return tuple(seed for part in parts for seed in seed_range(str(part)))

    @field_validator("set", mode="before")
    @classmethod
    def _lists(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {
            name: tuple(item) if isinstance(item, (list, tuple)) else (item,)
            for name, item in value.items()
        }


AXES = ("method", "task", "model", "seed", "target_seed", "set")
OPTIONAL = {"set", "target_seed"}
"""Axes that may list nothing."""


def make_sweep_request(values: Mapping[str, Any]) -> SweepRequest:
    """Return a request, or say which option is wrong.

    Raises:
        UsageError: an option is unknown or has an impossible value.
    """
    return checked("a sweep", SweepRequest, values, prefix=False)


def seed_range(text: str) -> list[int]:
    """Return the seeds that `3` or `0..4` stands for; none for an empty text.

    Raises:
        ValueError: it is neither.
    """
    first, dots, last = (part.strip() for part in text.strip().partition(".."))
    if not first and not dots:
        return []
    if not first.isdecimal() or (dots and not last.isdecimal()):
        raise ValueError(f"invalid seed {text.strip()!r}; give numbers such as 0,1,2 or 0..4")
    if int(last or first) > HIGHEST_SEED:
        raise ValueError(f"{text.strip()!r}: seeds go from 0 to {HIGHEST_SEED}")
    if not dots:
        return [int(first)]
    if int(last) < int(first) or int(last) - int(first) >= MOST_SEEDS:
        raise ValueError(f"{text.strip()!r} is no range of seeds; give it as 0..4")
    return list(range(int(first), int(last) + 1))


def cells(request: SweepRequest, registry: Registry) -> list[RunRequest]:
    """Return the runs of a grid, those of one model and task side by side.

    Raises:
        UsageError: a list is empty, a name is unknown, or a method lacks a hyperparameter.
    """
    _refuse_empty(request)
    _check_settings(request, registry)
    shared = request.model_dump(exclude={*AXES, "references"}, exclude_unset=True)
    # A given target needs no model, and a default one must not stand for what the user named.
    unnamed = request.target is not None and "model" not in request.model_fields_set
    tasks = tuple(dict.fromkeys(full_task_name(text, registry) for text in request.task))
    found = [
        RunRequest(
            task=task,
            method=method,
            set=settings,
            seed=seed,
            **({} if unnamed else {"model": model}),
            **shared,
        )
        for model, task, method in itertools.product(request.model, tasks, request.method)
        for settings in _settings(request, method)
        for seed in request.seed
    ]
    found = [with_published_target(one, registry) for one in found]
    return over_targets(found, request.target_seed)


def over_targets(requests: Sequence[RunRequest], seeds: Sequence[int]) -> list[RunRequest]:
    """Return every run for each seed of the target model; as they are where none is given."""
    if not seeds:
        return list(requests)
    return [
        request.model_copy(update={"target_set": {**request.target_set, "seed": seed}})
        for request in requests
        for seed in seeds
    ]


def value_lists(request: SweepRequest, method: str) -> dict[str, tuple[Any, ...]]:
    """Return a method's hyperparameters that are given, each with its values.

    Those that are given for this method alone override those of all methods.
    """
    lists: dict[str, tuple[Any, ...]] = {}
    for name, values in sorted(request.set.items(), key=lambda item: "." in item[0]):
        whose, field = split_setting(name)
        if whose in (None, method):
            lists[field] = values
    return lists


def _settings(request: SweepRequest, method: str) -> Iterator[dict[str, Any]]:
    """Yield every combination of a method's hyperparameters."""
    lists = value_lists(request, method)
    for values in itertools.product(*lists.values()):
        yield dict(zip(lists, values, strict=True))


def split_setting(name: str) -> tuple[str | None, str]:
    """Return whose hyperparameter it is, None for everybody's, and its name."""
    whose, dot, field = name.rpartition(".")
    return (whose if dot else None), field.replace("-", "_")


def _refuse_empty(request: SweepRequest) -> None:
    lists = {name: getattr(request, name) for name in AXES if name not in OPTIONAL} | {
        f"set {name}": values for name, values in request.set.items()
    }
    for name, values in lists.items():
        if not values:
            raise UsageError(f"the grid is empty: '{name}' lists nothing; give at least one value")


def _check_settings(request: SweepRequest, registry: Registry) -> None:
    fields = {
        name: registry.get("methods", name).Config.model_fields
        for name in dict.fromkeys(request.method)
    }
    for setting in request.set:
        whose, name = split_setting(setting)
        if whose is not None and whose not in fields:
            raise UsageError(
                f"set {setting}: {whose!r} is not among the methods of this sweep."
                f"{suggestion(whose, fields)}"
            )
        for method in [whose] if whose is not None else fields:
            if name in fields[method]:
                continue
            having = [other for other in fields if name in fields[other]]
            fix = f" Give it to one method alone: --set {having[0]}.{name}=…" if having else ""
            raise UsageError(
                f"method {method!r} has no hyperparameter {name!r}."
                f"{fix or suggestion(name, fields[method])}"
            )
