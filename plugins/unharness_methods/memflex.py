"""MemFlex: gradient difference on the located region alone."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field

from unharness import UnlearnJob
from unharness_methods.gradient_difference import GradientDifference


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

    The region is located once, on the target model with dropout off. The thresholds of the
    paper's table 12 belong to its models and its loss scale; quantiles carry over to others.
    """

    name = "memflex"
    summary = "Gradient difference on the few parameters that gradients point at."
    # Chosen on the training halves alone: benchmarks/choose_defaults.py
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {"tiny": {"lr": 2e-3, "epochs": 4}}
    citation = "Tian et al. 2024, To Forget or Not?, arXiv 2407.01920, section 4.2"

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
        draws: int = Field(5, ge=1, le=1000, description="random replacements of every answer")
        replaced: float = Field(
            1.0, gt=0, le=1, description="share of an answer's tokens that are replaced"
        )
        localise_on: Literal["train", "train+eval"] = Field(
            "train", description="halves to localise on; the evaluation half leaks its questions"
        )
        localise_batch_size: int = Field(32, ge=1, description="examples of one backward pass")

    def prepare(self, job: UnlearnJob) -> None:
        """Locate the region, and write it into the record."""
        # Here, not at the top: listing a method's hyperparameters must not import torch.
        from unharness_methods.localisation import (
            choose_region,
            refuse_empty,
            refuse_fresh_adapter,
            score_tensors,
        )

        refuse_fresh_adapter(job.model)
        halves = self.config.localise_on.split("+")
        scores = score_tensors(
            job,
            [f"forget_{half}" for half in halves],
            [f"retain_{half}" for half in halves],
            draws=self.config.draws,
            replaced=self.config.replaced,
            batch_size=self.config.localise_batch_size,
        )
        self._region = choose_region(scores, self.config.mu, self.config.sigma)
        job.report["region"] = self._region.describe()
        refuse_empty(self._region)

    def select_parameters(self, job: UnlearnJob) -> Collection[str]:
        """Return the names of the tensors in the region."""
        return self._region.names
