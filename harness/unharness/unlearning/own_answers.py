"""What a model answers before it is trained, kept for runs that ask the same of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from unharness.engines.engine import Sampling
from unharness.models.weights import WeightsRef, weights_hash
from unharness.records.notes import recall, remember

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from unharness.model_types import LanguageModel

KIND = "own_answers"
"""What they are called in the cache."""


def own_answers(
    model: LanguageModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    how: Sampling,
) -> list[str]:
    """Return the continuation of every text; equal questions to equal weights are asked once.

    Args:
        model: is asked in evaluation mode, and left in the mode in which it is.
        tokenizer: of the model.
        texts: prompts, the template applied.
        how: greedily, or with a temperature and a seed.
    """
    import torch
    import transformers

    from unharness.engines.hf import HfEngine

    ids = tokenizer(list(texts), add_special_tokens=how.special_tokens, verbose=False)["input_ids"]
    question = {
        "weights": weights_hash(model),
        "base": _embeddings_hash(model),
        "texts": list(texts),
        "tokens": ids,
        "sampling": asdict(how),
        "device": model.device.type,
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }
    if (known := recall(KIND, question)) is not None:
        return list(known)
    engine = HfEngine()
    engine.load(WeightsRef(model, tokenizer))
    training = model.training
    model.eval()
    try:
        found = engine.generate(texts, how)
    finally:
        engine.close()
        model.train(training)
    remember(KIND, question, found)
    return found


def _embeddings_hash(model: LanguageModel) -> str:
    """Return the SHA-256 of the input embeddings: equal fresh adapters lie on different models."""
    import torch

    table = model.get_input_embeddings().weight.detach().cpu().contiguous().reshape(-1)
    return hashlib.sha256(table.view(torch.uint8).numpy().data).hexdigest()
