"""States: the tuned tensors of a model by name, on the CPU, and arithmetic on them.

With an adapter on the model a state holds the adapter's tensors, else all weights. Arithmetic is
done on whole weights: a sum of adapters' factors is not the sum of what they do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from unharness.errors import MethodError
from unharness.models.lora import is_adapted
from unharness.models.weights import tuned_state

if TYPE_CHECKING:
    from torch import Tensor

    from unharness.model_types import LanguageModel

State = Mapping[str, "Tensor"]


def model_state(model: LanguageModel) -> dict[str, Tensor]:
    """Return a copy of a model's state."""
    return {name: value.detach().to("cpu", copy=True) for name, value in tuned_state(model).items()}


def is_adapter_state(state: State) -> bool:
    """Whether a state holds an adapter's tensors."""
    return any(".lora_" in name for name in state)


def with_state(model: LanguageModel, state: State) -> LanguageModel:
    """Return the model with other weights; the model itself, unless it loses its adapter.

    Raises:
        MethodError: names or shapes are not the model's.
    """
    import torch

    if is_adapter_state(state):
        if not is_adapted(model):
            raise MethodError("an adapter's state cannot be loaded: the model has no adapter now")
        from peft import set_peft_model_state_dict

        _check_fit(tuned_state(model), state)
        set_peft_model_state_dict(model, dict(state))
        return model
    plain = model.unload() if is_adapted(model) else model
    own = plain.state_dict()
    _check_fit(own, state)
    with torch.no_grad():
        for name, value in own.items():
            value.copy_(state[name])
    return plain.requires_grad_(True)


def combined(model: LanguageModel, parts: Sequence[tuple[State, float]]) -> dict[str, Tensor]:
    """Return the sum of states times factors, as whole weights.

    It is computed in float32 and rounded once, to the first state's types.

    Args:
        model: carries the adapter and the base that adapters' states belong to.
        parts: states of this model, and their factors.

    Raises:
        MethodError: there are none, or names or shapes differ.
    """
    if not parts:
        raise MethodError("there are no states to combine")
    wholes = (
        (_whole(model, state) if is_adapter_state(state) else state, factor)
        for state, factor in parts
    )
    first, factor = next(wholes)
    sums = {
        name: value.float() * factor if value.is_floating_point() else value
        for name, value in first.items()
    }
    for state, factor in wholes:
        _check_fit(sums, state)
        for name, value in state.items():
            if value.is_floating_point():
                sums[name].add_(value.float(), alpha=factor)
    return {name: value.to(first[name].dtype) for name, value in sums.items()}


def _whole(model: LanguageModel, state: State) -> dict[str, Tensor]:
    """Return the weights that an adapter's state amounts to on the model's base."""
    import torch
    from peft.tuners.lora import LoraLayer

    if not is_adapted(model):
        raise MethodError("an adapter's state cannot be combined: the model has no adapter now")
    with _swapped(model, state), torch.no_grad():
        base = model.get_base_model()
        weights = {
            name.replace(".base_layer.", "."): value.detach().to("cpu", copy=True)
            for name, value in base.state_dict().items()
            if ".lora_" not in name
        }
        for name, module in base.named_modules():
            if isinstance(module, LoraLayer):
                for adapter in module.active_adapters:
                    change = module.get_delta_weight(adapter).float().cpu()
                    key = f"{name}.weight"
                    weights[key] = weights[key].float() + change
    return weights


@contextmanager
def _swapped(model: LanguageModel, state: State) -> Iterator[None]:
    own = model_state(model)
    with_state(model, state)
    try:
        yield
    finally:
        with_state(model, own)


def _check_fit(own: State, given: State) -> None:
    for name in own.keys() ^ given.keys():
        raise MethodError(f"the state does not fit the model: {name} is in one of them only")
    for name, value in given.items():
        if own[name].shape != value.shape:
            raise MethodError(
                f"the state does not fit the model: {name} is {tuple(value.shape)}, "
                f"expected {tuple(own[name].shape)}"
            )
