"""Gradient difference out of distribution: general text in the place of the retain set."""

from __future__ import annotations

from unharness_methods.gradient_difference import GradientDifference


class GradientDifferenceOOD(GradientDifference):
    """Loss: − forget_weight · NLL(forget) + retain_weight · NLL(general text)."""

    name = "gradient-difference-ood"
    summary = "Ascent on the forget set, descent on general text."
    citation = "KnowUnDo (arXiv 2407.01920), section 4: GA + descent, OOD"
    keeps = "general"
