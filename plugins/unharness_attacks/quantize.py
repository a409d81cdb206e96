"""Weights rounded to few bits: small changes that unlearning made can vanish in the rounding."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from unharness import Attack, AttackContext, LanguageModel, MethodError, decoder_blocks

if TYPE_CHECKING:
    from torch import Tensor

Scheme = Literal["symmetric", "asymmetric"]


def rounded(weight: Tensor, bits: int, group_size: int, scheme: Scheme) -> Tensor:
    """Return a matrix rounded to the nearest of 2^bits levels, as numbers of the levels' values.

    Round-to-nearest by groups of consecutive input columns, ties to even, computed in float32.
    Symmetric: s = max|w| / (2^(b−1) − 1), ŵ = s · round(w / s), so that |ŵ − w| ≤ s / 2.
    Asymmetric: lo = min(w, 0), hi = max(w, 0), s = (hi − lo) / (2^b − 1), z = round(−lo / s),
    ŵ = s · (clip(round(w / s) + z, 0, 2^b − 1) − z), so that |ŵ − w| ≤ s.

    Args:
        weight: (outputs, inputs), finite.
        bits: 2 to 8.
        group_size: input columns of a group, the last of which may be smaller; 0: a whole row.
        scheme: of the levels.

    Returns:
        float32, of the same shape.
    """
    import torch

    one = symmetric if scheme == "symmetric" else asymmetric
    parts = weight.float().split(group_size or max(1, weight.shape[1]), dim=1)
    return torch.cat([one(part, bits) for part in parts], dim=1)


def symmetric(group: Tensor, bits: int) -> Tensor:
    """Return the rows of a group, (outputs, columns), rounded symmetrically around 0."""
    import torch

    highest = 2 ** (bits - 1) - 1
    step = group.abs().amax(dim=1, keepdim=True) / highest
    step = torch.where(step == 0, 1.0, step)
    return (group / step).round().clamp(-highest, highest) * step


def asymmetric(group: Tensor, bits: int) -> Tensor:
    """Return the rows of a group, (outputs, columns), rounded between their ends and 0."""
    import torch

    highest = 2**bits - 1
    low = group.amin(dim=1, keepdim=True).clamp(max=0.0)
    high = group.amax(dim=1, keepdim=True).clamp(min=0.0)
    step = (high - low) / highest
    step = torch.where(step == 0, 1.0, step)
    zero = (-low / step).round()
    return (((group / step).round() + zero).clamp(0, highest) - zero) * step


class Quantize(Attack):
    """Rounds every linear layer of the decoder blocks to few bits, in place.

    Embeddings, output head, norms and biases stay as they are. An adapter is merged into the
    weights below it in float32 first, and what is rounded is the merged matrix: rounding the base
    below an adapter that keeps its precision would leave unlearning untouched. The rounded values
    are kept in the model's own type, so that any engine can run them.
    """

    name = "quantize"
    summary = "Rounds the weights to 4 or 8 bits."
    citation = "Zhang et al. 2024, arXiv 2410.16454 (round-to-nearest)"

    class Config(Attack.Config):
        """How the weights are rounded."""

        bits: int = Field(4, ge=2, le=8, description="bits a weight")
        group_size: int = Field(
            128, ge=0, description="input columns that share a scale; 0: a whole row"
        )
        scheme: Scheme = Field("symmetric", description="levels around 0, or between the ends")

    config: Config

    def apply(self, context: AttackContext) -> None:
        """Merge, round, and load the result.

        Raises:
            MethodError: the decoder blocks have no linear layer.
        """
        import torch

        config = self.config
        merged = context.combine_states([(context.state(), 1.0)])
        context.load_state(merged)
        squares = {"error": 0.0, "weights": 0.0}
        names = linear_weights(context.model)
        with torch.no_grad():
            for done, (name, weight) in enumerate(names.items()):
                # From the float32 sum: what the model holds was rounded to its own type before.
                exact = merged[name].to(weight.device).float()
                found = rounded(exact, config.bits, config.group_size, config.scheme)
                weight.copy_(found)
                squares["error"] += float((found - exact).double().square().sum())
                squares["weights"] += float(exact.double().square().sum())
                context.progress(done + 1, len(names))
        context.report |= {
            "matrices": len(names),
            "weights": sum(weight.numel() for weight in names.values()),
            "relative_error": math.sqrt(squares["error"] / max(squares["weights"], 1e-30)),
        }


def linear_weights(model: LanguageModel) -> dict[str, Tensor]:
    """Return the matrices of all linear layers in a model's decoder blocks, by parameter name.

    Raises:
        MethodError: there are none.
    """
    from torch import nn

    inside = {
        id(module.weight)
        for module in decoder_blocks(model).modules()
        if isinstance(module, nn.Linear)
    }
    found = {name: value for name, value in model.named_parameters() if id(value) in inside}
    if not found:
        raise MethodError(f"{type(model).__name__}: its decoder blocks have no linear layer")
    return found
