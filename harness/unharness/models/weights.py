"""Weights: their hash, and how they are written."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unharness.errors import MethodError
from unharness.models.inference import InferenceWrapper
from unharness.models.lora import is_adapted

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from unharness.model_types import LanguageModel


@dataclass(frozen=True)
class WeightsRef:
    """Weights that an engine is to answer with: a model in hand."""

    model: LanguageModel
    tokenizer: PreTrainedTokenizerBase
    wrapper: InferenceWrapper | None = None
    """What prompts and answers go through; applied by those who ask, not by engines."""


def tuned_state(model: LanguageModel) -> Mapping[str, Any]:
    """Return the tensors that tuning changes: the adapter's with LoRA, else all of them."""
    if is_adapted(model):
        from peft import get_peft_model_state_dict

        state: Mapping[str, Any] = get_peft_model_state_dict(model)
        return state
    return dict(model.state_dict())


def weights_hash(model: LanguageModel) -> str:
    """Return the SHA-256 of the tuned tensors: names, types, shapes and bytes.

    Raises:
        MethodError: a weight is not finite.
    """
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(tuned_state(model).items()):
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise MethodError(f"the weights of {name} are no longer finite")
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy().data)
    return digest.hexdigest()


def parameter_counts(model: LanguageModel) -> tuple[int, int]:
    """Return how many parameters may move, and how many there are."""
    counts = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return sum(n for n, moves in counts if moves), sum(n for n, _ in counts)


def save_weights(model: LanguageModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Write the adapter or the whole model, and the tokenizer: plain peft or transformers load it.

    Raises:
        OSError: it cannot be written.
    """
    if is_adapted(model):  # where the base is now, not where it was when the adapter began
        base = model.get_base_model()
        config = model.peft_config[model.active_adapter]
        config.base_model_name_or_path = base.name_or_path
        config.revision = getattr(base, "hub_revision", None)
    model.save_pretrained(str(folder), safe_serialization=True)
    tokenizer.save_pretrained(str(folder))
