"""The base of losses that are a mean of a number per token of the forget set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from unharness import RetainLossMethod, token_mean

if TYPE_CHECKING:
    from torch import Tensor


class TokenLossMethod(RetainLossMethod):
    """Forget loss: the mean over examples of the mean over their tokens.

    The code that was published with these losses takes one mean over all tokens of a micro-batch.
    """

    class Config(RetainLossMethod.Config):
        """Adds the fidelity."""

        fidelity: Literal["per-example", "released-code"] = Field(
            "per-example",
            description="per-example: mean over examples of the mean over their answers' tokens; "
            "released-code: one mean over the tokens of a micro-batch",
        )

    def released_code(self) -> bool:
        """Return whether the loss is to be that of the released code."""
        config: TokenLossMethod.Config = self.config
        return config.fidelity == "released-code"

    def mean(self, values: Tensor, scored: Tensor) -> Tensor:
        """Return the mean of values, (N,) or (B, T-1), at scored positions, (B, T-1); a scalar."""
        return token_mean(values, scored, pooled=self.released_code())
