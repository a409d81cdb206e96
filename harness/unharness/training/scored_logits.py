"""Logits at the scored positions alone: a prompt's and the padding's are never computed.

With a vocabulary of 49,152 the output head is a fifth of SmolLM2-135M's work, and the logits of a
whole batch are its largest tensor.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from unharness.data.batches import IGNORED, TokenBatch

if TYPE_CHECKING:
    import torch

    from unharness.model_types import LanguageModel


def scored_positions(batch: TokenBatch) -> torch.Tensor:
    """Return the positions whose next token is scored, (B, T-1) bool."""
    return batch.labels[:, 1:] != IGNORED


def scored_logits(model: LanguageModel, batch: TokenBatch) -> torch.Tensor:
    """Return the logits that predict the scored tokens.

    They are what a pass over all positions gives, up to the order in which sums are taken: the
    output head is handed the hidden states of these positions alone. A model whose head is no
    module of its own is passed whole.

    Args:
        model: a causal language model, with or without an adapter or a wrapper of torch's.
        batch: B examples, padded to T.

    Returns:
        (N, V), of the model's type, in the order of the batch's rows; N is the number of scored
        tokens.
    """
    return logits_where(model, scored_positions(batch), **_inputs(batch))[0]


def logits_where(
    model: LanguageModel, scored: torch.Tensor, **inputs: Any
) -> tuple[torch.Tensor, Any]:
    """Return the logits at some positions, (N, V), and the cache of keys and values, if any.

    Args:
        model: as in `scored_logits`.
        scored: (B, T-1) bool; the last position predicts nothing.
        inputs: of the model, B rows of T tokens.
    """
    with _at_the_head(model, scored) as used:
        found = model(**inputs)
    logits: torch.Tensor = found.logits
    chosen = logits.flatten(0, 1) if used else logits[:, :-1][scored]
    return chosen, getattr(found, "past_key_values", None)


def all_logits(model: LanguageModel, batch: TokenBatch) -> torch.Tensor:
    """Return the logits at every position, (B, T, V), those of padding included."""
    logits: torch.Tensor = model(**_inputs(batch)).logits
    return logits


def _inputs(batch: TokenBatch) -> dict[str, Any]:
    return {
        "input_ids": batch.input_ids,
        "attention_mask": batch.attention_mask,
        "use_cache": False,
    }


@contextmanager
def _at_the_head(model: LanguageModel, scored: torch.Tensor) -> Iterator[list[bool]]:
    """Hand the output head only what stands at `scored`; the list is empty if it was not asked."""
    used: list[bool] = []

    def choose(module: Any, given: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        used.append(True)
        return (given[0][:, :-1][scored][None], *given[1:])

    head = _head(model)
    handle = head.register_forward_pre_hook(choose) if head is not None else None
    try:
        yield used
    finally:
        if handle is not None:
            handle.remove()


def _head(model: LanguageModel) -> Any:
    """Return the output head, None where there is none; DistributedDataParallel hides it."""
    find = getattr(getattr(model, "module", model), "get_output_embeddings", None)
    return find() if find else None
