"""Whether knowledge is gone at every depth of the model, or at its output alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from unharness import (
    Metric,
    Observation,
    Observed,
    Observer,
    ObserverContext,
    Score,
    Seen,
    Split,
    block_outputs,
    decoder_blocks,
    final_norm,
)

if TYPE_CHECKING:
    from numpy import ndarray
    from torch import Tensor

MODELS: tuple[Literal["target", "own", "retrained"], ...] = ("target", "own", "retrained")


@dataclass(frozen=True)
class LogitLens(Observation):
    """Log-probability of the own answer, read off every decoder block of three models."""

    observer: ClassVar[str] = "logit_lens"


class LogitLensObserver(Observer):
    """Mean log-probability of an answer's tokens, decoded from the output of every block.

    The residual stream after block l at the answer's positions goes through the target model's
    final norm and output head, for the target, the model itself, and the retrained model. A pass
    a model and example.
    """

    name = LogitLens.observer
    summary = "Log-probability of answers, decoded from every block of model, target and retrained."
    citation = "nostalgebraist 2020; UDS, arXiv 2605.24614"
    stage = "look into {split}"

    def observe(
        self,
        context: ObserverContext,
        split: Split,
        request: Observation,
        on_done: Callable[[int, int], None],
    ) -> Observed:
        """Return (examples, blocks) by model, nan where no token was scored."""
        size = len(split)
        found: dict[str, ndarray] = {}
        read: Callable[[Tensor], Tensor] | None = None
        for place, name in enumerate(MODELS):
            one = context if name == "own" else context.reference(name)
            if one is None:
                return Observed.missing(
                    f"needs the {name} model, which is not in the cache: make its row first, "
                    "then run this again with --force"
                )
            read = read or _reader(one)

            def on_example(done: int, before: int = place * size) -> None:
                on_done(before + done, len(MODELS) * size)

            found[name] = _values(one, split, read, on_example)
            if found[name].shape != found["target"].shape:
                return Observed.missing(f"the {name} model has another number of decoder blocks")
        return Observed(found)


def _reader(context: ObserverContext) -> Callable[[Tensor], Tensor]:
    """Return what turns hidden states into log-probabilities; it outlives the model."""
    norm = deepcopy(final_norm(context.model))
    head = deepcopy(context.model.get_output_embeddings())

    def read(states: Tensor) -> Tensor:
        logits: Tensor = head(norm(states))
        return logits.float().log_softmax(dim=-1)

    return read


def _values(
    context: ObserverContext,
    split: Split,
    read: Callable[[Tensor], Tensor],
    on_example: Callable[[int], None],
) -> Any:
    import numpy
    import torch

    layers = range(len(decoder_blocks(context.model)))
    values = numpy.full((len(split), len(layers)), numpy.nan)
    with torch.inference_mode():
        for at, windows in enumerate(context.encoded(split, split.examples)):
            sums, count = [0.0] * len(layers), 0
            for window in windows:
                batch = context.batch([window])
                labels = batch.labels[0, 1:]
                scored = labels != -100
                states = block_outputs(context.model, batch, layers)
                for layer, state in enumerate(states):
                    log_probs = read(state[0, :-1][scored])
                    sums[layer] += float(log_probs.gather(1, labels[scored][:, None]).sum())
                count += window.scored
            if count:
                values[at] = [one / count for one in sums]
            on_example(at + 1)
    return values


def lens_score(gold: Sequence[float], model: Sequence[float], least: float) -> float | None:
    """Return Σ_l d_G,l · clip(d_U,l / d_G,l, 0, 1) / Σ_l d_G,l over blocks with d_G,l > `least`.

    Args:
        gold: d_G, by block: the target's mean log-probability minus the retrained model's, nats.
        model: d_U, the same against the unlearned model.
        least: smaller differences do not count.

    Returns:
        0 … 1; None where no block counts.
    """
    counted = [(one, other) for one, other in zip(gold, model, strict=True) if one > least]
    if not counted:
        return None
    return sum(min(max(other, 0.0), one) for one, other in counted) / sum(one for one, _ in counted)


class LogitLensScore(Metric):
    """How much of the target's knowledge of an answer is gone at every depth, 0 … 100 %.

    100: at every block as little is left as in the retrained model; 0: all is there, perhaps but
    for the output. Mean over examples; one of which no block tells the target from the retrained
    model is not scored. It is observed with the run, where both models are in the cache.
    """

    name = "logit_lens"
    summary = "Share of the target's knowledge that is gone at every depth, by logit lens."
    citation = "UDS, arXiv 2605.24614"
    unit = "%"
    direction = "higher"
    formula = (
        "100 · mean over examples of Σ_l d_G,l · clip(d_U,l / d_G,l, 0, 1) / Σ_l d_G,l over the "
        "blocks l with d_G,l > `least`; d_M,l = ll_l^target − ll_l^M, ll_l the mean "
        "log-probability of the answer's tokens read from block l by the target's final norm and "
        "output head"
    )
    good = (
        "100: gone at every depth, as in the retrained model; 0: all there. Below the value that "
        "outputs suggest: hidden, not gone."
    )
    traps = (
        (
            "Blocks at which target and retrained model hardly differ say nothing and are left "
            "out; an example with none has no value."
        ),
        (
            "The target's own head reads all models: a model that rotates its hidden states looks "
            "as if it had forgotten."
        ),
    )

    class Params(Metric.Params):
        """Which blocks count."""

        least: float = Field(
            0.05, gt=0, description="nats by which target and retrained model differ at a block"
        )

    params: Params

    def observes(self) -> LogitLens:
        """Ask for all three models."""
        return LogitLens()

    def compute(self, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        """Count every example the same."""
        arrays = seen.observed[LogitLens()].arrays
        target, own, retrained = (arrays[name] for name in MODELS)
        gold, model = (target - retrained).tolist(), (target - own).tolist()
        found = [lens_score(*pair, self.params.least) for pair in zip(gold, model, strict=True)]
        return seen.mean([None if one is None else 100.0 * one for one in found])
