"""Likelihoods of answers: the two functions that losses and evaluation are made of.

torch is imported when they are called, so that a plugin which imports them lists in no time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

    from unharness.data.batches import TokenBatch
    from unharness.model_types import LanguageModel


def token_log_probs(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the log-probability of every scored token, given the true tokens before it.

    Args:
        logits: (B, T, V), any float type; computed on in float32.
        labels: (B, T) int64, -100 where not scored.

    Returns:
        (B, T-1) float32, natural logarithm; entry t is for the token at t+1, and 0 where that
        is not scored.
    """
    import torch
    from torch.nn import functional

    targets = labels[:, 1:]
    scored = targets != -100
    # Only the scored rows are lifted to float32: prompts and padding cost nothing.
    losses = functional.cross_entropy(
        logits[:, :-1][scored].float(), targets[scored], reduction="none"
    )
    result = torch.zeros(targets.shape, dtype=torch.float32, device=logits.device)
    return result.masked_scatter(scored, -losses)


def sequence_nll(
    model: LanguageModel, batch: TokenBatch, reduce: Literal["mean", "sum"] = "mean"
) -> Tensor:
    """Return the negative log-likelihood of each example's answer.

    Args:
        model: a causal language model.
        batch: B examples.
        reduce: over an answer's tokens: `mean` (nats per token) or `sum` (nats).

    Returns:
        (B,) float32; 0 for an example without scored tokens.
    """
    logits = model(
        input_ids=batch.input_ids, attention_mask=batch.attention_mask, use_cache=False
    ).logits
    totals = -token_log_probs(logits, batch.labels).sum(dim=1)
    if reduce == "sum":
        return totals
    if reduce != "mean":
        raise ValueError(f"reduce must be 'mean' or 'sum', not {reduce!r}")
    counts = (batch.labels[:, 1:] != -100).sum(dim=1).clamp(min=1)
    return totals / counts


def sequence_kl(model: LanguageModel, batch: TokenBatch, reference: Tensor) -> Tensor:
    """Return KL(reference ‖ model) of the next token, averaged over each example's answer.

    Args:
        model: a causal language model.
        batch: B examples.
        reference: (B, T, V) logits of the reference model, without gradient.

    Returns:
        (B,) float32, nats per token; 0 for an example without scored tokens.
    """
    import torch

    from unharness.training.divergence import position_kl

    scored = batch.labels[:, 1:] != -100
    wanted = reference[:, :-1][scored]
    del reference
    logits = model(
        input_ids=batch.input_ids, attention_mask=batch.attention_mask, use_cache=False
    ).logits
    losses = position_kl(logits[:, :-1][scored], wanted)
    table = torch.zeros(scored.shape, dtype=torch.float32, device=logits.device)
    totals = table.masked_scatter(scored, losses).sum(dim=1)
    return totals / scored.sum(dim=1).clamp(min=1)
