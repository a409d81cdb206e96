"""Comparing weights, and what is loaded again with what was saved."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unharness.testing.facts import FACTS

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedTokenizerBase

    from unharness.model_types import LanguageModel


def same_tensors(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    """Whether two states are equal, bit for bit."""
    import torch

    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def check_reload(
    model: LanguageModel, tokenizer: PreTrainedTokenizerBase, folder: str | Path
) -> None:
    """Check that a model answers as before when it was saved and loaded again.

    Raises:
        AssertionError: it does not: something outside of its weights changes what it says.
    """
    import torch

    from unharness.models.loading import load_causal_lm
    from unharness.models.lora import is_adapted, load_adapter
    from unharness.models.weights import save_weights
    from unharness.testing.target import micro_weights

    place = Path(folder)
    save_weights(model, tokenizer, place)
    loaded: Any
    if is_adapted(model):
        loaded = load_adapter(micro_weights().model, str(place))
    else:
        loaded = load_causal_lm(place, "float32")
    loaded.eval()
    asked = tokenizer(FACTS["forget"][0].prompt, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        said, again = model(input_ids=asked).logits, loaded(input_ids=asked).logits
    assert torch.allclose(said, again, rtol=1e-4, atol=1e-4), (
        "the model that is saved and loaded again gives other logits"
    )
