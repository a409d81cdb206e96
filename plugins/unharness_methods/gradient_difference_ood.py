"""Gradient difference out of distribution: general text in the place of the retain set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unharness_methods.gradient_difference import GradientDifference

if TYPE_CHECKING:
    from unharness import TokenBatch, UnlearnBatch


class GradientDifferenceOOD(GradientDifference):
    """Loss: − forget_weight · NLL(forget) + retain_weight · NLL(general text)."""

    name = "gradient-difference-ood"
    summary = "Ascent on the forget set, descent on general text."
    citation = "KnowUnDo (arXiv 2407.01920), section 4: GA + descent, OOD"
    uses = frozenset({"general"})

    def kept(self, batch: UnlearnBatch) -> TokenBatch:
        """Return the general text."""
        assert batch.general is not None  # `uses` says so
        return batch.general
