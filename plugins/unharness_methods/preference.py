"""The two preference losses: against an answer, and for one answer over another."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def negative_preference(evidence: Tensor, beta: float) -> Tensor:
    """Return (2/β) · ln(1 + exp(β · a)), which is −(2/β) · ln σ(−β · a), element by element.

    The slope in a is 2 · σ(β · a): from 1 at a = 0 down to 0, so that what has become unlikely
    is left alone (arXiv 2404.05868, eq. 3, with a the log-ratio of a sequence).

    Args:
        evidence: a, of any shape, float32, nats.
        beta: inverse temperature, above 0; towards 0 the slope is 1 everywhere.
    """
    from torch.nn.functional import softplus

    return 2 / beta * softplus(beta * evidence)


def pairwise_preference(
    preferred: Tensor, other: Tensor, beta: float, factor: float = 2.0
) -> Tensor:
    """Return −(factor/β) · ln σ(β · (preferred − other)), element by element.

    Args:
        preferred: log-ratios, or log-probabilities, of the answers to prefer, (B,), nats.
        other: the same of the answers to avoid, (B,).
        beta: inverse temperature, above 0.
        factor: 2 in the unlearning literature (arXiv 2404.05868); DPO itself (arXiv 2305.18290)
            has β, and AP (arXiv 2410.08109) 1.
    """
    from torch.nn.functional import softplus

    return factor / beta * softplus(-beta * (preferred - other))


def raw_logit_preference(evidence: Tensor, beta: float) -> Tensor:
    """Return the mean of `negative_preference` over all entries of (B, T, V), a scalar.

    What code for MUSE computes: of logits, without softmax and labels, at every position.
    """
    return negative_preference(evidence.float(), beta).mean()
