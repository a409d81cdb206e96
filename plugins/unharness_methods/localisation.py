"""MemFlex's localisation: which parameter tensors hold what is to be forgotten, and little else.

KnowUnDo (arXiv 2407.01920), section 4.2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from unharness import MethodError, Split, TokenBatch, UnlearnContext, sequence_nll

if TYPE_CHECKING:
    from unharness import LanguageModel


@dataclass(frozen=True)
class TensorScore:
    """What the gradients say of one parameter tensor."""

    name: str
    cosine: float
    """Of the flattened gradients of forget and retain set, -1 to 1."""
    magnitude: float
    """Mean absolute value of the forget gradient."""
    parameters: int


@dataclass(frozen=True)
class Region:
    """The tensors that may move, and the thresholds that chose them."""

    mu: float
    sigma: float
    scores: tuple[TensorScore, ...]
    drawn: frozenset[str] | None = None
    """The names that chance chose in the place of the thresholds, if it did."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the tensors with cosine < mu and magnitude > sigma."""
        return tuple(score.name for score in self.scores if self.holds(score))

    def holds(self, score: TensorScore) -> bool:
        """Whether a tensor is in the region."""
        if self.drawn is not None:
            return score.name in self.drawn
        return score.cosine < self.mu and score.magnitude > self.sigma

    def describe(self) -> dict[str, Any]:
        """Return the region as JSON values, every tensor with its numbers."""
        tensors = [asdict(score) | {"selected": self.holds(score)} for score in self.scores]
        chosen = [score for score in self.scores if self.holds(score)]
        return {
            "mu": self.mu,
            "sigma": self.sigma,
            "selected_tensors": len(chosen),
            "selected_parameters": sum(score.parameters for score in chosen),
            "tensors": tensors,
        }


def score_tensors(
    context: UnlearnContext,
    forget_splits: Sequence[Split],
    retain_splits: Sequence[Split],
    *,
    draws: int,
    replaced: float | None,
    batch_size: int,
) -> tuple[TensorScore, ...]:
    """Compare the gradients of forget and retain set, tensor by tensor, dropout off.

    Each gradient is the mean over the examples and over `draws` random replacements of their
    answers. Only tensors that may move are scored.

    Args:
        context: model, tokenizer and data.
        forget_splits: whose gradient is G_UL.
        retain_splits: whose gradient is G_RT.
        draws: random replacements of every answer.
        replaced: share of an answer's tokens; None: as the released code, see `replace_half`.
        batch_size: examples of one backward pass.
    """
    generator = context.torch_generator("localisation")
    forget, retain = context.encode(forget_splits), context.encode(retain_splits)
    passes = [draws * math.ceil(len(rows) / batch_size) for rows in (forget, retain)]
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        context.progress(done, sum(passes))

    gradient = partial(
        _mean_gradient,
        context,
        generator=generator,
        tick=tick,
        draws=draws,
        replaced=replaced,
        batch_size=batch_size,
    )
    left, right = gradient(forget), gradient(retain)
    return tuple(compare(name, left[name], right[name]) for name in left)


def choose_region(scores: Sequence[TensorScore], mu: float | str, sigma: float | str) -> Region:
    """Return the tensors with cosine < mu and magnitude > sigma.

    Args:
        scores: of all tensors that may move.
        mu: a cosine, or "q0.5" for that quantile of the cosines.
        sigma: a magnitude, or "q0.5" for that quantile of the magnitudes.
    """
    cosines = [score.cosine for score in scores]
    magnitudes = [score.magnitude for score in scores]
    return Region(_threshold(mu, cosines), _threshold(sigma, magnitudes), tuple(scores))


def shuffled(region: Region, generator: torch.Generator) -> Region:
    """Return a region of as many tensors, drawn by chance from all that may move."""
    order = torch.randperm(len(region.scores), generator=generator).tolist()
    names = frozenset(region.scores[index].name for index in order[: len(region.names)])
    return replace(region, drawn=names)


def refuse_empty(region: Region) -> None:
    """Refuse a region without tensors.

    Raises:
        MethodError: says what cosines and magnitudes there are, and what would select some.
    """
    if region.names:
        return
    scores = region.scores
    default = choose_region(scores, "q0.5", "q0.25")
    raise MethodError(
        f"the MemFlex region is empty: none of {len(scores)} tensors has cosine < "
        f"{region.mu:.4g} and magnitude > {region.sigma:.3g}. "
        f"Cosines: {_spread([score.cosine for score in scores])}; "
        f"magnitudes: {_spread([score.magnitude for score in scores])}. "
        f"mu=q0.5 sigma=q0.25 ({default.mu:.4g}, {default.sigma:.3g}) would select "
        f"{len(default.names)}, mu=1 sigma=0 would select {len(Region(1.0, 0.0, scores).names)}"
    )


def replace_answers(
    batch: TokenBatch, vocabulary: int, share: float, generator: torch.Generator
) -> TokenBatch:
    """Replace answer tokens by uniformly random ones, in input and label alike.

    Args:
        batch: (B, T) tensors.
        vocabulary: tokens are drawn from 0 … vocabulary - 1.
        share: how many of the answer's tokens, 0 to 1; each is replaced with that probability.
        generator: on the CPU.
    """
    device = batch.input_ids.device
    shape = batch.input_ids.shape
    drawn = torch.randint(vocabulary, shape, generator=generator).to(device)
    replaced = batch.labels != -100
    if share < 1:
        replaced &= (torch.rand(shape, generator=generator) < share).to(device)
    return TokenBatch(
        torch.where(replaced, drawn, batch.input_ids),
        batch.attention_mask,
        torch.where(replaced, drawn, batch.labels),
    )


def replace_half(batch: TokenBatch, vocabulary: int, generator: torch.Generator) -> TokenBatch:
    """Replace half as many tokens as an answer has, at places drawn with replacement.

    That is what KnowUnDo's released code does: about four in ten tokens are replaced.

    Args:
        batch: (B, T) tensors.
        vocabulary: tokens are drawn from 0 … vocabulary - 1.
        generator: on the CPU.
    """
    device = batch.input_ids.device
    replaced = torch.zeros(batch.labels.shape, dtype=torch.bool)
    for row, labels in enumerate(batch.labels.cpu()):
        places = (labels != -100).nonzero()[:, 0]
        if len(places):
            drawn = torch.randint(len(places), (len(places) // 2,), generator=generator)
            replaced[row, places[drawn]] = True
    replaced = replaced.to(device)
    tokens = torch.randint(vocabulary, replaced.shape, generator=generator).to(device)
    return TokenBatch(
        torch.where(replaced, tokens, batch.input_ids),
        batch.attention_mask,
        torch.where(replaced, tokens, batch.labels),
    )


def refuse_fresh_adapter(model: LanguageModel) -> None:
    """Refuse a LoRA adapter that has learned nothing yet.

    Raises:
        MethodError: every lora_B is 0, so that no lora_A has a gradient and no cosine a meaning.
    """
    seconds = [value for name, value in model.named_parameters() if ".lora_B." in name]
    if seconds and not any(bool(value.detach().any()) for value in seconds):
        raise MethodError(
            "MemFlex cannot localise in a fresh LoRA adapter: its B is 0, so its A has no "
            "gradient. Use --tuning full, or a model whose target learned with LoRA"
        )


def _mean_gradient(
    context: UnlearnContext,
    rows: Sequence[Any],
    *,
    generator: torch.Generator,
    tick: Callable[[], None],
    draws: int,
    replaced: float | None,
    batch_size: int,
) -> dict[str, torch.Tensor]:
    """Return the gradient of the mean loss over the rows and the draws, by parameter."""
    model = context.model
    vocabulary = min(len(context.tokenizer), model.get_input_embeddings().weight.shape[0])
    movable = {name: value for name, value in model.named_parameters() if value.requires_grad}
    model.eval()
    model.zero_grad(set_to_none=True)
    for _ in range(draws):
        for batch in context.batches(rows, batch_size):
            if replaced is None:
                drawn = replace_half(batch, vocabulary, generator)
            else:
                drawn = replace_answers(batch, vocabulary, replaced, generator)
            with context.arithmetic():
                loss = sequence_nll(model, drawn).sum() / (len(rows) * draws)
            loss.backward()
            tick()
    gradient = {
        name: value.grad if value.grad is not None else torch.zeros_like(value)
        for name, value in movable.items()
    }
    for value in movable.values():
        value.grad = None
    return gradient


def compare(name: str, forget: torch.Tensor, retain: torch.Tensor) -> TensorScore:
    """Return cosine and magnitude of a tensor's two gradients."""
    left, right = forget.double().flatten(), retain.double().flatten()
    norms = left.norm() * right.norm()
    cosine = float(left @ right / norms) if norms > 0 else 0.0
    return TensorScore(name, cosine, float(left.abs().mean()), left.numel())


def _threshold(value: float | str, numbers: Sequence[float]) -> float:
    if isinstance(value, str):
        return float(torch.tensor(numbers, dtype=torch.float64).quantile(float(value[1:])))
    return value


def _spread(numbers: Sequence[float]) -> str:
    low, middle, high = (_threshold(q, numbers) for q in ("q0", "q0.5", "q1"))
    return f"{low:.3g} to {high:.3g}, median {middle:.3g}"
