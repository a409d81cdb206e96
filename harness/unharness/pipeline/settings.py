"""Lengths, LoRA and the target's recipe: the task's own, and what the user says over them."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from unharness.checked import checked
from unharness.data.recipe import FineTuneConfig, LoraSettings, MaxLength, MaxNewTokens
from unharness.data.task import Task
from unharness.errors import UsageError, refused_values
from unharness.pipeline.given_target import GivenTarget
from unharness.records.spec import RunSpec
from unharness.registry import Registry
from unharness.request import RunRequest
from unharness.strict_model import StrictModel


class RunSettings(StrictModel):
    """What a task and a user may set of any run, whatever its method."""

    recipe: FineTuneConfig
    """How the target model learns, its seed included."""
    lora: LoraSettings
    max_length: MaxLength
    max_new_tokens: MaxNewTokens


def task_settings(task: Task, model: str, tuning: str, registry: Registry) -> RunSettings:
    """Return what a task says for a model.

    Args:
        task: the task.
        model: a preset's name, or any other model's.
        tuning: of the target.
        registry: knows the plugins.

    Raises:
        PluginError: the task says what cannot be; names it.
    """
    with registry.named("tasks", task.name):
        recipe: Any = task.tuned_recipe(model, tuning)
        if not isinstance(recipe, FineTuneConfig):
            raise TypeError(f"the recipe is {type(recipe).__name__}, not FineTuneConfig")
        if not isinstance(task.lora, LoraSettings):
            raise TypeError(f"lora is {type(task.lora).__name__}, not LoraSettings")
        try:
            return RunSettings(
                recipe=recipe,
                lora=task.lora,
                max_length=task.max_length,
                max_new_tokens=task.max_new_tokens,
            )
        except ValidationError as error:
            raise ValueError(refused_values(error)) from error


def chosen_settings(
    own: RunSettings, request: RunRequest, target: GivenTarget | None
) -> RunSettings:
    """Return the settings of a run: the task's, a given adapter's, the user's.

    Args:
        own: the task's.
        request: what the user asks for.
        target: the target, where the user gives it.

    Raises:
        UsageError: a name is unknown, a value out of bounds, or the given target fixes it.
        ModelError: the given adapter is none of LoRA.
    """
    lora = own.lora
    if target and target.weights.kind == "lora":
        lora = target.weights.lora_settings()
        if request.lora:
            fixed = ", ".join(f"{name}={value}" for name, value in lora.model_dump().items())
            raise UsageError(
                f"--lora: the adapter {target.weights.given} fixes it ({fixed}); leave --lora out, "
                "or merge the adapter into its base and give that by --target"
            )
    if request.target_set and target and target.fresh is None:
        raise UsageError(
            f"--target-set: --target {target.weights.given} is the target already, and method "
            f"{request.method!r} trains none anew; leave --target-set out"
        )
    return RunSettings(
        recipe=checked(
            "--target-set", FineTuneConfig, request.target_set, defaults=own.recipe.model_dump()
        ),
        lora=checked("--lora", LoraSettings, request.lora, defaults=lora.model_dump()),
        max_length=request.max_length or own.max_length,
        max_new_tokens=request.max_new_tokens or own.max_new_tokens,
    )


def refuse_unused_adapter(request: RunRequest, *tunings: str) -> None:
    """Refuse `--lora` where neither the target nor the method is tuned by LoRA.

    Raises:
        UsageError: so it is.
    """
    if request.lora and "lora" not in tunings:
        raise UsageError(
            f"--lora: target and method of {request.shown_model} have full tuning, which has no "
            "adapter; give --tuning lora"
        )


def changed_settings(spec: RunSpec, model: str, registry: Registry) -> dict[str, tuple[Any, Any]]:
    """Return which settings of a run differ from its task's: by name, the value and the default.

    Args:
        spec: of the run.
        model: the name that the task's recipe goes by.
        registry: knows the plugins.

    Raises:
        UnknownNameError, PluginError: the task is not installed, or cannot be used.
    """
    task_class = registry.get("tasks", spec.task)
    with registry.named("tasks", spec.task):
        task: Task = task_class()
    own = task_settings(task, model, spec.target_tuning, registry)
    pairs = {
        "template": (spec.template, task.template or spec.template),
        "max_length": (spec.evaluation.max_length, own.max_length),
        "max_new_tokens": (spec.evaluation.max_new_tokens, own.max_new_tokens),
    }
    adapter = {} if spec.target_hash and spec.target_tuning == "lora" else spec.lora or {}
    for group, values, defaults in (
        ("lora", adapter, own.lora.model_dump()),
        ("target", spec.target_recipe, own.recipe.model_dump()),
    ):
        pairs |= {f"{group}.{name}": (value, defaults.get(name)) for name, value in values.items()}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
