"""Lengths, LoRA and the target's recipe: the task's own, and what the user says over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from unharness.checked import checked
from unharness.data.named_task import make_task
from unharness.data.recipe import FineTuneConfig, LoraSettings, MaxLength, MaxNewTokens
from unharness.data.task import Task
from unharness.data.templates import check_template
from unharness.errors import UsageError, refused_values
from unharness.models.trained import TrainingPlace
from unharness.pipeline.device import choose_precision, weights_dtype
from unharness.pipeline.model_choice import GivenTarget, RunModels
from unharness.records.spec import RunSpec
from unharness.registry import Registry
from unharness.request import RunRequest
from unharness.strict_model import StrictModel

if TYPE_CHECKING:
    from transformers import PretrainedConfig


class TaskSettings(StrictModel):
    """What a task may set of any run, whatever its method."""

    recipe: FineTuneConfig
    """How the target model learns, its seed included."""
    lora: LoraSettings
    max_length: MaxLength
    max_new_tokens: MaxNewTokens


@dataclass(frozen=True)
class RunSettings:
    """The same for a run, as its task, its models and the user have it."""

    recipe: FineTuneConfig
    lora: LoraSettings
    place: TrainingPlace
    """Device, precision, template and the length of what is read."""
    max_new_tokens: int


def task_settings(task: Task, model: str, tuning: str, registry: Registry) -> TaskSettings:
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
            return TaskSettings(
                recipe=recipe,
                lora=task.lora,
                max_length=task.max_length,
                max_new_tokens=task.max_new_tokens,
            )
        except ValidationError as error:
            raise ValueError(refused_values(error)) from error


def choose_settings(
    request: RunRequest, task: Task, device: str, models: RunModels, registry: Registry
) -> RunSettings:
    """Return the settings of a run: the task's, a given adapter's, the user's.

    Args:
        request: what the user asks for.
        task: the one that it names.
        device: where models are.
        models: of the run.
        registry: names the task where it fails.

    Raises:
        UsageError: a name is unknown, a value out of bounds, a setting without effect, or the
            given target fixes it.
        ModelError: the given adapter is none of LoRA.
        PluginError: the task says what cannot be; names it.
    """
    adapter = _given_adapter(models.given)
    _refuse_without_effect(request, models, adapter)
    own = task_settings(task, models.family, models.target_tuning, registry)
    taught, tuned = own.recipe.model_dump(), (adapter or own.lora).model_dump()
    recipe = checked("--target-set", FineTuneConfig, request.target_set, defaults=taught)
    lora = checked("--lora", LoraSettings, request.lora, defaults=tuned)
    precision = choose_precision(request.precision, device, models.base.precision)
    dtype = weights_dtype(precision, models.tuning, models.target_tuning)
    template = check_template(request.template or task.template or models.base.template())
    max_length = request.max_length or own.max_length
    return RunSettings(
        recipe=recipe,
        lora=lora,
        place=TrainingPlace(device, dtype, max_length, template, precision),
        max_new_tokens=request.max_new_tokens or own.max_new_tokens,
    )


def positions_of(config: PretrainedConfig) -> int | None:
    """Return how many positions a model has, where its configuration says so."""
    count: int | None = getattr(config.get_text_config(), "max_position_embeddings", None)
    return count


def beyond_positions(max_length: int, config: PretrainedConfig) -> list[str]:
    """Return a warning where texts may be longer than what a model has positions for."""
    positions = positions_of(config)
    if positions is None or max_length <= positions:
        return []
    return [
        f"the model has {positions} positions, and texts of up to {max_length} tokens are given to "
        f"it whole: --max-length {positions} cuts them"
    ]


def _given_adapter(target: GivenTarget | None) -> LoraSettings | None:
    """Return the settings of an adapter that is the target; None where there is none."""
    if target is None or target.weights.kind != "lora":
        return None
    return target.weights.lora_settings()


def _refuse_without_effect(
    request: RunRequest, models: RunModels, adapter: LoraSettings | None
) -> None:
    """Refuse what the user sets of an adapter or of a target's training that is not there to set.

    Raises:
        UsageError: so it is.
    """
    if request.lora and "lora" not in (models.tuning, models.target_tuning):
        raise UsageError(
            f"--lora: target and method of {request.shown_model} have full tuning, which has no "
            "adapter; give --tuning lora"
        )
    given = models.given
    if given is None:
        return
    if request.lora and adapter:
        fixed = ", ".join(f"{name}={value}" for name, value in adapter.model_dump().items())
        raise UsageError(
            f"--lora: the adapter {given.weights.given} fixes it ({fixed}); leave --lora out, "
            "or merge the adapter into its base and give that by --target"
        )
    if request.target_set and given.fresh is None:
        raise UsageError(
            f"--target-set: --target {given.weights.given} is the target already, and method "
            f"{request.method!r} trains none anew; leave --target-set out"
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
    task = make_task(spec.task, registry)
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
