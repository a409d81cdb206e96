"""PDU: flat logits on the forget set, under a bound on the loss on the retain set."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from unharness import (
    Choice,
    FloatRange,
    LossMethod,
    Search,
    Stream,
    UnlearnContext,
    mean_over_processes,
    scored_logits,
    scored_positions,
    sequence_nll,
    token_mean,
)

if TYPE_CHECKING:
    from torch import Tensor

    from unharness import LanguageModel, UnlearnBatch


def squared_gap(logits: Tensor) -> Tensor:
    """Return (max_v z_v − mean_v z_v)² at each position, (N,) float32; 0 for flat logits.

    Args:
        logits: z, (N, V).
    """
    values = logits.float()
    return (values.amax(dim=-1) - values.mean(dim=-1)).square()


class PDU(LossMethod):
    """Loss: forget_weight · mean of (max z − mean z)² + λ · (R − ε).

    R is the NLL on the retain set and ε what it may rise to. After every step λ rises by
    dual_lr · (R − ε), down to 0 at least, R the mean over the step's examples. z are the logits at
    the answers' positions, over the tokenizer's vocabulary. λ is in the record.
    """

    name = "pdu"
    summary = "Flattens logits on the forget set while the retain loss stays under a bound."
    citation = "Entesari et al. 2025, arXiv 2506.05314"
    family = "target distribution"
    evidence = (("oracle", "tests/methods/test_pdu.py"),)
    # Chosen on a validation part: results/published/tuning
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"lr": 0.00135, "epochs": 4, "tolerance": 1.12, "multiplier": 1.0, "dual_lr": 5.0}
    }

    class Config(LossMethod.Config):
        """Adds the bound and how the multiplier moves."""

        forget_weight: float = Field(1.0, gt=0, description="weight of the forget term (gamma)")
        epsilon: float | None = Field(
            None, ge=0, description="highest NLL on the retain set; none: tolerance says which"
        )
        tolerance: float = Field(
            1.1, ge=1, description="the bound as a multiple of the target's own, without epsilon"
        )
        multiplier: float = Field(100.0, ge=0, description="lambda before the first step")
        dual_lr: float = Field(5.0, gt=0, description="rate at which lambda moves")
        warmup_epochs: int = Field(0, ge=0, description="epochs before lambda begins to move")

        search: ClassVar[Mapping[str, Search]] = {
            "tolerance": FloatRange(1.0, 1.5),
            "multiplier": Choice((1.0, 50.0, 100.0)),
            "dual_lr": Choice((1.0, 5.0)),
        }

    def streams(self) -> Mapping[str, Stream]:
        """Return the retain set."""
        return {"retain": Stream("retain")}

    def prepare(self, context: UnlearnContext) -> None:
        """Fix the bound, and let the multiplier start."""
        config: PDU.Config = self.config
        self._vocabulary = len(context.tokenizer)
        rows = len(context.encode("forget"))
        self._warmup = config.warmup_epochs * math.ceil(rows / config.batch_size)
        own = _retain_loss(context) if config.epsilon is None else 0.0
        bound = config.tolerance * own if config.epsilon is None else config.epsilon
        self._dual = DualVariable(config.multiplier, config.dual_lr, bound)
        self._step = 0
        context.report["epsilon"] = bound
        self._history: list[float] = context.report.setdefault("multipliers", [])

    def loss(self, model: LanguageModel, batch: UnlearnBatch) -> Tensor:
        """Return the Lagrangian."""
        forget, retain = self.loss_terms(model, batch)
        return forget + retain

    def loss_terms(self, model: LanguageModel, batch: UnlearnBatch) -> Iterator[Tensor]:
        """Yield the forget term, then the constraint's."""
        forget = batch["forget"]
        gaps = squared_gap(scored_logits(model, forget)[:, : self._vocabulary])
        yield self.config.forget_weight * token_mean(gaps, scored_positions(forget))
        yield self._dual.penalty(sequence_nll(model, batch["retain"]))

    def restart_pass(self) -> None:
        """Forget the losses of a pass that begins again."""
        self._dual.forget()

    def after_step(self, model: LanguageModel) -> None:
        """Move the multiplier, once the warm-up is over."""
        self._step += 1
        self._dual.move(still=self._step <= self._warmup)
        self._history.append(self._dual.multiplier)

    def training_state(self) -> Mapping[str, object]:
        """Return the multiplier after every step; a step's losses are forgotten."""
        return {"multipliers": list(self._history)}

    def load_training_state(self, state: Mapping[str, list[float]]) -> None:
        """Go on with the last multiplier."""
        self._history[:] = state["multipliers"]
        self._step, self._dual.multiplier = len(self._history), self._history[-1]

    def streams_by_term(self) -> Sequence[Collection[str]]:
        """Return the streams that each term passes."""
        return [["forget"], ["retain"]]


class DualVariable:
    """The multiplier of a constraint: a loss is to stay under a bound."""

    def __init__(self, multiplier: float, rate: float, bound: float) -> None:
        self.multiplier = multiplier
        self._rate = rate
        self._bound = bound
        self._seen: list[float] = []

    def penalty(self, losses: Tensor) -> Tensor:
        """Return λ · (mean − bound), a scalar, and remember the losses, (B,)."""
        self._seen += losses.detach().tolist()
        return self.multiplier * (losses.mean() - self._bound)

    def forget(self) -> None:
        """Forget the losses since the last move."""
        self._seen = []

    def move(self, *, still: bool = False) -> None:
        """Add the rate times the mean excess since the last call, of all processes; 0 at least.

        Args:
            still: let λ be, and forget what was remembered.
        """
        excess = mean_over_processes(self._seen) - self._bound
        self.forget()
        if not still:
            self.multiplier = max(0.0, self.multiplier + self._rate * excess)


def _retain_loss(context: UnlearnContext) -> float:
    """Return the target's mean NLL on the retain set, dropout off."""
    import torch

    context.model.eval()
    found: list[float] = []
    with torch.no_grad():
        for batch in context.batches(context.encode("retain"), batch_size=32):
            found += sequence_nll(context.model, batch).tolist()
    return sum(found) / len(found)
