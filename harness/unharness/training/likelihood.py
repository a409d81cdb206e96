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
    targets = labels[:, 1:]
    scored = targets != -100
    return spread(chosen_log_probs(logits[:, :-1][scored], targets[scored]), scored)


def scored_log_probs(model: LanguageModel, batch: TokenBatch) -> Tensor:
    """Return a model's log-probability of every scored token, given the true tokens before it.

    As `token_log_probs` of the model's logits, which are computed where a token is scored alone.

    Args:
        model: a causal language model.
        batch: B examples, padded to T.

    Returns:
        (B, T-1) float32, natural logarithm; 0 where no token is scored.
    """
    from unharness.training.scored_logits import scored_logits, scored_positions

    scored = scored_positions(batch)
    values = chosen_log_probs(scored_logits(model, batch), batch.labels[:, 1:][scored])
    return spread(values, scored)


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
    totals = -scored_log_probs(model, batch).sum(dim=1)
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
        reference: logits of the reference model, without gradient: (B, T, V), or (N, V) at the
            N positions whose next token is scored, as `batch.reference.scored_logits` gives them.

    Returns:
        (B,) float32, nats per token; 0 for an example without scored tokens.
    """
    from unharness.training.divergence import position_kl
    from unharness.training.reductions import answer_means
    from unharness.training.scored_logits import scored_logits, scored_positions

    scored = scored_positions(batch)
    wanted = reference[:, :-1][scored] if reference.dim() == 3 else reference
    del reference
    return answer_means(position_kl(scored_logits(model, batch), wanted), scored)


def sequence_jsd(model: LanguageModel, batch: TokenBatch, reference: Tensor) -> Tensor:
    """Return the Jensen-Shannon divergence from a reference, averaged over each example's answer.

    Args:
        model: a causal language model.
        batch: B examples.
        reference: (N, V) logits of the reference model at the N positions whose next token is
            scored, without gradient.

    Returns:
        (B,) float32, nats per token, from 0 to ln 2; 0 for an example without scored tokens.
    """
    from unharness.training.divergence import position_jsd
    from unharness.training.reductions import answer_means
    from unharness.training.scored_logits import scored_logits, scored_positions

    values = position_jsd(scored_logits(model, batch), reference)
    return answer_means(values, scored_positions(batch))


def chosen_log_probs(logits: Tensor, tokens: Tensor) -> Tensor:
    """Return the log-probability of one token a position, (N,) float32.

    Args:
        logits: (N, V), any float type; sums over the vocabulary are taken in float32.
        tokens: (N,) int64.
    """
    from torch.nn import functional

    return -functional.cross_entropy(logits.float(), tokens, reduction="none")


def spread(values: Tensor, scored: Tensor) -> Tensor:
    """Put values, (N,), where a mask, (B, T-1), is true; 0 elsewhere."""
    import torch

    table = torch.zeros(scored.shape, dtype=torch.float32, device=values.device)
    return table.masked_scatter(scored, values)
