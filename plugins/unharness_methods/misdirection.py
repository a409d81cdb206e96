"""The base of losses that steer the forget set's hidden states to a random direction."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from unharness import (
    Choice,
    FloatRange,
    LossMethod,
    Search,
    Stream,
    UnlearnContext,
    hidden_states,
)
from unharness_methods.block_choice import block_in, block_parameters, mlp_outputs
from unharness_methods.steering import mean_norms, squared_distance, steering_vector

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PretrainedConfig

    from unharness import LanguageModel, TokenBatch, UnlearnBatch

MOVED = 3
"""How many blocks are trained: the chosen one and those right before it."""


class Misdirection(LossMethod):
    """Loss: |h(forget) − c · u|² / H + retain_weight · |h(retain) − h_reference(retain)|² / H.

    h is the output of one decoder block, u a random unit vector that is drawn once, H the width.
    Distances are averaged over tokens, then over examples. Forward passes end at the block; the
    output matrices of the MLPs of the block and of the two before it are trained.
    """

    class Config(LossMethod.Config):
        """Adds the block and the weight, as the authors' code has them."""

        layer: int | None = Field(
            None, ge=0, description="decoder block, from 0; none: depth says which"
        )
        depth: float = Field(
            0.22,
            ge=0,
            le=1,
            description="share of the blocks after which the block lies (7 of 32), without layer",
        )
        retain_weight: float = Field(
            1200.0, ge=0, description="weight of the retain term (alpha); 0 leaves it out"
        )
        tokens: Literal["all", "answer"] = Field(
            "all", description="positions that are steered and kept: all, or the answers' alone"
        )
        trained: Literal["mlp-output", "blocks"] = Field(
            "mlp-output",
            description="what moves in the three blocks: the MLPs' output matrices, or everything",
        )
        fidelity: Literal["per-example", "released-code"] = Field(
            "per-example",
            description="released-code: one mean over all positions of a micro-batch, padding "
            "included",
        )

        search: ClassVar[Mapping[str, Search]] = {
            "depth": Choice((0.15, 0.22, 0.4, 0.6)),
            "retain_weight": FloatRange(1, 1600, log=True),
        }

    def streams(self) -> Mapping[str, Stream]:
        """Return the retain set, with the reference's states at the block."""
        if not self.config.retain_weight:
            return {}
        asked = Stream(
            "retain",
            reference={"hidden"},
            layers=(self.block(),),
            everywhere=self.released_code(),
            without="leave the term out: --set retain_weight=0",
        )
        return {"retain": asked}

    def check_model(self, config: PretrainedConfig) -> None:
        """Refuse a model without the block that is named."""
        block_in(config, self.config.layer, self.config.depth)

    def prepare(self, context: UnlearnContext) -> None:
        """Choose the block, draw the direction, and measure the states that are to be moved."""
        config: Misdirection.Config = self.config
        self._chosen = block_in(context.model.config, config.layer, config.depth)
        generator = context.torch_generator("steering vector")
        width: int = context.model.config.get_text_config().hidden_size
        self._direction = steering_vector(width, generator)
        context.report["block"] = self._chosen
        context.report["mean_norm_of_states"] = self.mean_norm(context)

    def select_parameters(self, context: UnlearnContext) -> Collection[str]:
        """Return the MLPs' output matrices of the block and the two before it, or all of them."""
        layers = range(max(self._chosen - MOVED + 1, 0), self._chosen + 1)
        if self.config.trained == "blocks":
            return block_parameters(context.model, layers)
        return mlp_outputs(context.model, layers)

    def loss(self, model: LanguageModel, batch: UnlearnBatch) -> Tensor:
        """Return the weighted sum of both terms."""
        first, *others = self.loss_terms(model, batch)
        return sum(others, first)

    def loss_terms(self, model: LanguageModel, batch: UnlearnBatch) -> Iterator[Tensor]:
        """Yield the forget term, then the retain term."""
        padded = self.released_code()
        forget = batch["forget"]
        states = hidden_states(model, forget, self.block(), padding=padded)
        wanted = self.length(batch).to(states.device) * self._direction.to(states.device)
        yield squared_distance(states, wanted, self.positions(forget), padded=padded)
        if self.config.retain_weight:
            retain = batch["retain"]
            states = hidden_states(model, retain, self.block(), padding=padded)
            kept = batch.reference.hidden("retain", self.block())
            mask = self.positions(retain)
            yield self.config.retain_weight * squared_distance(states, kept, mask, padded=padded)

    @abstractmethod
    def length(self, batch: UnlearnBatch) -> Tensor:
        """Return c, how far the states are steered: a scalar, or (B, 1, 1)."""

    def released_code(self) -> bool:
        """Return whether the loss is to be that of the released code."""
        config: Misdirection.Config = self.config
        return config.fidelity == "released-code"

    def positions(self, batch: TokenBatch) -> Tensor:
        """Return the positions that count, (B, T), 1 or 0."""
        if self.config.tokens == "answer":
            return (batch.labels != -100).long()
        return batch.attention_mask

    def streams_by_term(self) -> Sequence[Collection[str]]:
        """Return the streams that each term passes."""
        return [["forget"], ["retain"]] if self.config.retain_weight else [["forget"]]

    def block(self) -> int:
        """Return the block; before the model is known, the one that is given, or the first."""
        chosen: int = getattr(self, "_chosen", self.config.layer or 0)
        return chosen

    def mean_norm(self, context: UnlearnContext, rows: int | None = None) -> float:
        """Return the mean length of the target's states on the forget set, or on its first rows."""
        import torch

        context.model.eval()
        found: list[float] = []
        with torch.no_grad():
            for batch in context.batches(context.encode("forget")[:rows], batch_size=32):
                states = hidden_states(context.model, batch, self._chosen)
                found += mean_norms(states, self.positions(batch)).tolist()
        return sum(found) / len(found)
