"""Circuit breakers: representation rerouting."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from unharness import (
    Choice,
    LossMethod,
    MethodError,
    Search,
    Stream,
    UnlearnContext,
    block_outputs,
    decoder_blocks,
)
from unharness_methods.block_choice import block_parameters

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PretrainedConfig

    from unharness import LanguageModel, TokenBatch, UnlearnBatch

RELEASED_STEPS = 150
"""What the authors' schedule divides by, twice, whatever the number of steps."""


def similarity(states: Tensor, reference: Tensor, mask: Tensor) -> Tensor:
    """Return ReLU(cos(h, h⁰)), averaged over each example's positions, (B,) float32.

    Args:
        states: h, (B, T, H), with gradient; there is none where the cosine is negative.
        reference: h⁰, (B, T, H).
        mask: (B, T), 1 where a position counts.
    """
    from torch.nn.functional import cosine_similarity

    cosines = cosine_similarity(states.float(), reference.float(), dim=-1, eps=1e-8).relu()
    return _position_means(cosines, mask)


def distance(states: Tensor, reference: Tensor, mask: Tensor) -> Tensor:
    """Return ‖h − h⁰‖₂, averaged over each example's positions, (B,) float32."""
    return _position_means((states.float() - reference.float()).norm(dim=-1), mask)


def weights_at(strength: float, progress: float) -> tuple[float, float]:
    """Return the weights of rerouting and of retaining: strength · (1 − t/2T) and strength · t/2T.

    Args:
        strength: a of the paper.
        progress: t/T; they meet at half of the strength where it is 1.
    """
    share = min(progress / 2, 1.0)
    return strength * (1 - share), strength * share


def _position_means(values: Tensor, mask: Tensor) -> Tensor:
    means: Tensor = (values * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)
    return means


class CircuitBreaker(LossMethod):
    """Loss: c_s · mean of ReLU(cos(h, h_ref)) on forget + c_r · mean of ‖h − h_ref‖ on retain.

    h are outputs of decoder blocks: two on the forget set, all on the retain set, h_ref those of
    the target model. Over the steps c_s falls from the strength to half of it, and c_r rises from 0
    to half. The blocks up to the last of the two are trained. Under full tuning the reference's
    states of all blocks are kept on the CPU: LoRA, as in the paper, keeps none.
    """

    name = "circuit-breaker"
    summary = "Turns the forget set's hidden states away from where they were."
    citation = "Zou et al. 2024, arXiv 2406.04313 (representation rerouting)"
    family = "representation"
    evidence = (("oracle", "tests/methods/test_circuit_breaker.py"),)
    # Chosen on a validation part: results/published/tuning
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"lr": 0.0225, "epochs": 4, "strength": 10.0}
    }

    class Config(LossMethod.Config):
        """Adds the blocks and the strength."""

        layers: tuple[Annotated[int, Field(ge=0)], ...] | None = Field(
            None,
            min_length=1,
            description="decoder blocks, from 0, whose states are turned away; none: those after "
            "1/3 and 5/8 of the blocks (10 and 20 of 32)",
        )
        strength: float = Field(10.0, gt=0, description="weight that both terms share (alpha)")
        kept: Literal["all", "layers"] = Field(
            "all", description="blocks whose states are kept on the retain set: all, or layers"
        )
        tokens: Literal["all", "answer"] = Field(
            "all", description="positions that count: all, or the answers' alone"
        )
        fidelity: Literal["own-steps", "released-code"] = Field(
            "own-steps",
            description="released-code: the weights follow a schedule of 150 steps, however many "
            "there are",
        )

        search: ClassVar[Mapping[str, Search]] = {"strength": Choice((5.0, 10.0))}

    def streams(self) -> Mapping[str, Stream]:
        """Return both sets, with the reference's states at their blocks."""
        asked = {"hidden"}
        return {
            "forget": Stream("forget", reference=asked, layers=self._turned()),
            "retain": Stream("retain", reference=asked, layers=self._kept()),
        }

    def check_model(self, config: PretrainedConfig) -> None:
        """Refuse a model without the blocks that are named."""
        count, given = config.get_text_config().num_hidden_layers, self.config.layers
        if given and (outside := [layer for layer in given if layer >= count]):
            raise MethodError(
                f"layers={list(given)}: the model has blocks 0 to {count - 1}, not "
                f"{outside[0]}; give those, or leave layers out"
            )

    def prepare(self, context: UnlearnContext) -> None:
        """Choose the blocks.

        Raises:
            MethodError: the model has not those that are given.
        """
        self.check_model(context.model.config)
        self._count = len(decoder_blocks(context.model))
        context.report["blocks"] = list(self._turned())

    def select_parameters(self, context: UnlearnContext) -> Collection[str]:
        """Return the parameters of the blocks up to the last that is turned away."""
        return block_parameters(context.model, range(max(self._turned()) + 1))

    def loss(self, model: LanguageModel, batch: UnlearnBatch) -> Tensor:
        """Return the weighted sum of both terms."""
        first, *others = self.loss_terms(model, batch)
        return sum(others, first)

    def loss_terms(self, model: LanguageModel, batch: UnlearnBatch) -> Iterator[Tensor]:
        """Yield the forget term, even where it weighs nothing, then the retain term if it does."""
        released = self.config.fidelity == "released-code"
        steps = RELEASED_STEPS if released else batch.total_steps
        turned, kept = weights_at(self.config.strength, batch.step / steps)
        yield turned * self._mean(model, batch, "forget", self._turned())
        if kept:
            yield kept * self._mean(model, batch, "retain", self._kept())

    def streams_by_term(self) -> Sequence[Collection[str]]:
        """Return the streams that each term passes."""
        return [["forget"], ["retain"]]

    def _mean(
        self, model: LanguageModel, batch: UnlearnBatch, stream: str, layers: Sequence[int]
    ) -> Tensor:
        measure = similarity if stream == "forget" else distance
        mask = self._positions(batch[stream])
        means = [
            measure(states, batch.reference.hidden(stream, layer), mask).mean()
            for layer, states in zip(
                layers, block_outputs(model, batch[stream], layers), strict=True
            )
        ]
        total: Tensor = sum(means[1:], means[0]) / len(means)
        return total

    def _positions(self, batch: TokenBatch) -> Tensor:
        if self.config.tokens == "answer":
            return (batch.labels != -100).long()
        return batch.attention_mask

    def _turned(self) -> tuple[int, ...]:
        """Return the blocks that are turned away; before the model is known, perhaps the first."""
        if self.config.layers:
            return tuple(dict.fromkeys(self.config.layers))
        count = getattr(self, "_count", 1)
        return tuple(dict.fromkeys((count // 3, min(5 * count // 8, count - 1))))

    def _kept(self) -> tuple[int, ...]:
        if self.config.kept == "layers":
            return self._turned()
        return tuple(range(getattr(self, "_count", 1)))
