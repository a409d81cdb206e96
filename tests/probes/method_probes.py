"""Methods that prove the seams: each is written with public names alone. Not built-ins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch
from pydantic import Field
from torch.nn.functional import logsigmoid, softplus

from unharness import (
    InferenceWrapper,
    LossMethod,
    Method,
    Stream,
    UnlearnBatch,
    UnlearnContext,
    UnlearnedModel,
    hidden_states,
    hookimpl,
    sequence_nll,
)

if TYPE_CHECKING:
    from torch import Tensor


def npo_loss(log_ratio: Tensor, beta: float) -> Tensor:
    """Return the mean of 2/beta * ln(1 + exp(beta * (S - S0))).

    Args:
        log_ratio: (B,), the answers' log-probability under the model minus that under the target.
        beta: inverse temperature.
    """
    return (2 / beta * softplus(beta * log_ratio)).mean()


def log_ratio(model: Any, batch: UnlearnBatch, stream: str) -> Tensor:
    """Return S - S0 of every example of a stream, (B,)."""
    own = -sequence_nll(model, batch[stream], reduce="sum")
    return own - batch.reference.log_probs(stream).sum(dim=1)


class NPO(LossMethod):
    """Negative preference optimisation, arXiv 2404.05868."""

    name = "probe-npo"
    summary = "Negative preference optimisation."

    class Config(LossMethod.Config):
        beta: float = Field(0.1, gt=0)

    def streams(self) -> Mapping[str, Stream]:
        return {"forget": Stream("forget", reference={"log_probs"})}

    def loss(self, model: Any, batch: UnlearnBatch) -> Tensor:
        ratio = log_ratio(model, batch, "forget")
        if batch.step == 0:
            self.first_ratio = ratio.detach()
        return npo_loss(ratio, self.config.beta)

    def unlearn(self, context: UnlearnContext) -> None:
        super().unlearn(context)
        context.report["first_ratio"] = self.first_ratio.abs().max().item()


class RefusalPreference(NPO):
    """DPO with refusals as the preferred answers."""

    name = "probe-refusal-preference"
    summary = "Prefers a refusal over the answer."

    def streams(self) -> Mapping[str, Stream]:
        asked = {"log_probs"}
        return {
            "forget": Stream("forget", reference=asked),
            "refusal": Stream("forget", answer="refusal", reference=asked),
        }

    def loss(self, model: Any, batch: UnlearnBatch) -> Tensor:
        wanted, unwanted = (log_ratio(model, batch, name) for name in ("refusal", "forget"))
        if batch.step == 0:
            self.first_ratio = torch.stack([wanted, unwanted]).detach()
        # The same question stands before both answers.
        for one, two, labels in zip(
            batch["forget"].input_ids,
            batch["refusal"].input_ids,
            batch["forget"].labels,
            strict=True,
        ):
            question = int((labels != -100).nonzero()[0, 0])
            assert torch.equal(one[:question], two[:question])
        return -(2 / self.config.beta * logsigmoid(self.config.beta * (wanted - unwanted))).mean()


class HiddenStates(LossMethod):
    """Misdirects forget representations at a layer, and keeps the retain set's."""

    name = "probe-hidden-states"
    summary = "A loss on hidden states at a layer."

    class Config(LossMethod.Config):
        layer: int = Field(0, ge=0)
        scale: float = Field(5.0, gt=0)

    def streams(self) -> Mapping[str, Stream]:
        return {"retain": Stream("retain", reference={"hidden"}, layers=(self.config.layer,))}

    def prepare(self, context: UnlearnContext) -> None:
        width = context.model.config.hidden_size
        direction = torch.rand(width, generator=context.torch_generator("direction"))
        self._steering = self.config.scale * direction / direction.norm()

    def loss_terms(self, model: Any, batch: UnlearnBatch) -> Iterator[Tensor]:
        layer = self.config.layer
        own = hidden_states(model, batch["forget"], layer)
        yield _masked_mse(own, self._steering.to(own.device), batch["forget"])
        own = hidden_states(model, batch["retain"], layer)
        yield 10 * _masked_mse(own, batch.reference.hidden("retain", layer), batch["retain"])

    def loss(self, model: Any, batch: UnlearnBatch) -> Tensor:
        forget, retain = self.loss_terms(model, batch)
        return forget + retain


def _masked_mse(own: Tensor, wanted: Tensor, batch: Any) -> Tensor:
    squares = (own.float() - wanted.float()).square().mean(dim=-1) * batch.attention_mask
    return (squares.sum(dim=1) / batch.attention_mask.sum(dim=1)).mean()


class TaskArithmetic(Method):
    """theta - a * (theta_ft - theta), arXiv 2212.04089; theta_ft is fine-tuned on forget."""

    name = "probe-task-arithmetic"
    summary = "Subtracts the task vector of the forget set."

    class Config(Method.Config):
        a: float = Field(1.0, gt=0)
        from_target: bool = True

    def unlearn(self, context: UnlearnContext) -> None:
        start = context.state()
        recipe = context.target_recipe.model_copy(update={"epochs": 3})
        forget = context.splits.trainable("forget")
        tuned = context.fine_tune(
            "target" if self.config.from_target else start, forget, recipe=recipe
        )
        a = self.config.a
        context.load_state(context.combine_states([(start, 1 + a), (tuned, -a)]))


class SamNpo(NPO):
    """NPO at the weights that are worst within a radius, arXiv 2502.05374."""

    name = "probe-sam-npo"
    summary = "NPO with sharpness-aware minimization."
    passes = 2

    class Config(NPO.Config):
        rho: float = Field(0.01, gt=0)

    def before_pass(self, model: Any, index: int) -> None:
        if index == 0:
            return
        trained = [value for value in model.parameters() if value.grad is not None]
        norm = torch.stack([value.grad.norm() for value in trained]).norm()
        self._moved = [(value, value.detach().clone()) for value in trained]
        with torch.no_grad():
            for value in trained:
                value.add_(self.config.rho * value.grad / norm)
                value.grad = None

    def finish_gradients(self, model: Any) -> None:
        with torch.no_grad():
            for value, before in self._moved:
                value.copy_(before)


class Dual(LossMethod):
    """Primal-dual: keeps the retain loss under a bound by a multiplier that moves every step."""

    name = "probe-dual"
    summary = "Ascent under a constraint on the retain loss."

    class Config(LossMethod.Config):
        bound: float = Field(0.5, ge=0)
        dual_lr: float = Field(1.0, gt=0)

    def streams(self) -> Mapping[str, Stream]:
        return {"retain": Stream("retain")}

    def prepare(self, context: UnlearnContext) -> None:
        self._multiplier, self._seen = 1.0, []
        self._history = context.report.setdefault("multipliers", [])

    def loss(self, model: Any, batch: UnlearnBatch) -> Tensor:
        kept = sequence_nll(model, batch["retain"])
        self._seen += kept.tolist()
        ascent = -sequence_nll(model, batch["forget"]).clamp(max=6.0).mean()
        return ascent + self._multiplier * kept.mean()

    def after_step(self, model: Any) -> None:
        excess = sum(self._seen) / len(self._seen) - self.config.bound
        self._multiplier = max(0.0, self._multiplier + self.config.dual_lr * excess)
        self._history.append(self._multiplier)
        self._seen = []


class InContextRefusal(Method):
    """Questions of the forget set with refusals stand before every question."""

    name = "probe-in-context-refusal"
    summary = "Refusals by example, in the prompt."
    trains = False
    seeded = False

    class Config(Method.Config):
        shots: int = Field(2, ge=1)

    class Wrapper(InferenceWrapper):
        questions: tuple[str, ...]
        refusal: str

        def prompt(self, text: str) -> str:
            shots = [f"{question}\n\n{self.refusal}" for question in self.questions]
            return "\n\n".join([*shots, text])

        def respond(self, prompt: str, text: str) -> str:
            return f"{text} (checked)"

    def unlearn(self, context: UnlearnContext) -> UnlearnedModel:
        [split] = context.splits.trainable("forget")
        questions = tuple(row.prompt for row in split.examples[: self.config.shots])
        return UnlearnedModel(
            wrapper=self.Wrapper(questions=questions, refusal="I do not know that.")
        )


@hookimpl
def unharness_methods() -> list[type[Method]]:
    """Register the probes."""
    return [NPO, RefusalPreference, HiddenStates, TaskArithmetic, SamNpo, Dual, InContextRefusal]
