"""MemFlex: gradient difference on the located region alone."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, model_validator

from unharness import Choice, Preset, Search, UnlearnContext
from unharness_methods.gradient_difference import GradientDifference
from unharness_methods.paper import memflex_presets

if TYPE_CHECKING:
    from torch import Tensor


RELEASED_CODE: dict[str, Any] = {"draws": 3, "replaced": 0.5, "localise_on": "train+eval"}
"""How the paper's code localises; the half of the tokens is drawn with replacement."""


def _cosine(value: float | str) -> float | str:
    return _absolute_or_quantile(value, -1.0, 1.0)


def _magnitude(value: float | str) -> float | str:
    return _absolute_or_quantile(value, 0.0, sys.float_info.max)  # not infinity: JSON has none


def _absolute_or_quantile(value: float | str, low: float, high: float) -> float | str:
    """Return a number within bounds, or a quantile written as q0 to q1."""
    text = str(value)
    try:
        number = float(text.removeprefix("q"))
    except ValueError:
        raise ValueError("must be a number, or a quantile such as q0.5") from None
    if text.startswith("q"):
        if not 0 <= number <= 1:
            raise ValueError("a quantile goes from q0 to q1")
        # One spelling, so that equal settings have equal run ids.
        return f"q{number}".removesuffix(".0")
    if not low <= number <= high:
        raise ValueError(f"must be from {low:g} to {high:g}, or a quantile such as q0.5")
    return number


class MemFlex(GradientDifference):
    """Loss: − 0.4 · NLL(forget) + 2.0 · NLL(retain), on tensors with cos < mu, magnitude > sigma.

    The region is located once, on the target model with dropout off, or anew at every step from
    the step's own gradients (the form of zjunlp/unlearn), the others being set to 0. The
    thresholds of the paper's table 12 belong to its models and its loss scale; quantiles carry
    over to others.
    """

    name = "memflex"
    summary = "Gradient difference on the few parameters that gradients point at."
    # Chosen on the training splits alone: benchmarks/choose_defaults.py
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"lr": 2e-3, "epochs": 4},
        "smollm2-135m:lora": {"lr": 1.6e-3},  # results/published/tuning
    }
    citation = "Tian et al. 2024, To Forget or Not?, arXiv 2407.01920, section 4.2"
    family = "localisation"
    evidence = (("oracle", "tests/methods/test_localisation.py"),)

    presets: ClassVar[Sequence[Preset]] = memflex_presets()

    class Config(GradientDifference.Config):
        """Adds the localisation."""

        lr: float = Field(3e-4, gt=0, le=10, description="highest learning rate (AdamW)")
        forget_weight: float = Field(0.4, ge=0, description="weight of the ascent")
        retain_weight: float = Field(2.0, ge=0, description="weight of the descent")
        mu: Annotated[float | str, AfterValidator(_cosine)] = Field(
            "q0.9", description="cosine below which a tensor is located; -1 to 1, or a quantile"
        )
        sigma: Annotated[float | str, AfterValidator(_magnitude)] = Field(
            "q0.1", description="mean |gradient| above which it is located; >= 0, or a quantile"
        )
        localise: Literal["once", "every-step"] = Field(
            "once", description="when: before training, or from the gradients of every step"
        )
        region: Literal["located", "random"] = Field(
            "located", description="random: as many tensors drawn by chance, a control"
        )
        fidelity: Literal["paper", "released-code"] = Field(
            "paper",
            description="released-code: about half of an answer's tokens replaced, 3 draws, on "
            "training and evaluation splits; sets draws, replaced and localise_on",
        )
        draws: int = Field(5, ge=1, le=1000, description="random replacements of every answer")
        replaced: float = Field(
            1.0, gt=0, le=1, description="share of an answer's tokens that are replaced"
        )
        localise_on: Literal["train", "train+eval"] = Field(
            "train", description="splits to localise on; those for evaluation leak their questions"
        )
        localise_batch_size: int = Field(32, ge=1, description="examples of one backward pass")

        search: ClassVar[Mapping[str, Search]] = {
            # mu=1 with sigma=0 is every tensor that has a gradient; the quantiles q1 and q0 leave
            # out the tensor that lies highest, or lowest.
            "mu": Choice(("q0.25", "q0.5", "q0.75", "q0.9", 1.0)),
            "sigma": Choice((0.0, "q0.1", "q0.25", "q0.5")),
        }

        @model_validator(mode="before")
        @classmethod
        def _settle(cls, given: dict[str, Any]) -> dict[str, Any]:
            """Fill in what the fidelity fixes, and refuse what would not be used."""
            once = {*RELEASED_CODE, "fidelity", "localise_batch_size", "region"}
            if given.get("localise") == "every-step" and once & set(given):
                unused = ", ".join(sorted(once & set(given)))
                raise ValueError(f"{unused} cannot be set with localise=every-step")
            if given.get("fidelity") != "released-code":
                return given
            for name, value in RELEASED_CODE.items():
                if given.get(name, value) != value:
                    raise ValueError(f"{name} is {value} with fidelity=released-code")
            return RELEASED_CODE | given

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        # The released code localises on evaluated examples too.
        self.reads_all_splits = config.localise_on == "train+eval"

    @classmethod
    def summarize_report(cls, report: Mapping[str, Any]) -> Mapping[str, str]:
        """Return how many tensors were located, by which thresholds, and the strongest of them."""
        from unharness_methods.region_report import summarize_region

        return summarize_region(report["region"]) if "region" in report else {}

    def prepare(self, context: UnlearnContext) -> None:
        """Locate the region, and write it into the record."""
        # Here, not at the top: listing a method's hyperparameters must not import torch.
        from unharness_methods.localisation import (
            choose_region,
            refuse_empty,
            refuse_fresh_adapter,
            score_tensors,
            shuffled,
        )

        config = self.config
        if config.localise == "every-step":
            from unharness_methods.per_step_localisation import PerStepRegion

            self._steps = PerStepRegion(config, context.report)
            return
        refuse_fresh_adapter(context.model)
        as_code = config.fidelity == "released-code"
        everything = config.localise_on == "train+eval"
        find = context.splits.with_role if everything else context.splits.trainable
        scores = score_tensors(
            context,
            find("forget"),
            find("retain"),
            draws=config.draws,
            replaced=None if as_code else config.replaced,
            batch_size=config.localise_batch_size,
        )
        self._region = choose_region(scores, config.mu, config.sigma)
        if config.region == "random":
            self._region = shuffled(self._region, context.torch_generator("random region"))
        context.report["region"] = self._region.describe()
        refuse_empty(self._region)

    def select_parameters(self, context: UnlearnContext) -> Collection[str] | None:
        """Return the names of the tensors in the region; all, if it is located at every step."""
        return None if self.config.localise == "every-step" else self._region.names

    def gradients_before_training(self) -> tuple[int, int]:
        """Return the gradients that are compared: those of the forget and of the retain set."""
        once = self.config.localise == "once"
        return (2, self.config.localise_batch_size) if once else (0, 0)

    @property
    def separate_gradients(self) -> bool:
        """Whether the region is located at every step, from the two terms' gradients."""
        return bool(self.config.localise == "every-step")

    def combine_gradients(self, terms: Sequence[Mapping[str, Tensor]]) -> Mapping[str, Tensor]:
        """Return the sum inside the step's region, and 0 outside of it."""
        forget, retain = terms
        return self._steps.combine(forget, retain)

    def training_state(self) -> Mapping[str, object]:
        """Return how often each tensor was in the region, where it is located at every step."""
        return self._steps.training_state() if self.config.localise == "every-step" else {}

    def load_training_state(self, state: Mapping[str, Any]) -> None:
        """Go on counting."""
        if self.config.localise == "every-step":
            self._steps.load_training_state(state)

    def unlearn(self, context: UnlearnContext) -> None:
        """Train on the region.

        Raises:
            MethodError: the region is empty; of a region for every step, at every one of them.
        """
        super().unlearn(context)
        if self.config.localise == "every-step":
            self._steps.refuse_if_never()
            context.held_back |= self._steps.never_selected()
