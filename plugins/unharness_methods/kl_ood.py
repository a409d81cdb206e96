"""Gradient ascent with KL out of distribution: general text in the place of the retain set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from unharness_methods.kl import GradientAscentKL


class GradientAscentKLOOD(GradientAscentKL):
    """Loss: − forget_weight · NLL(forget) + kl_weight · KL(reference ‖ model) on general text."""

    name = "kl-ood"
    summary = "Ascent on the forget set; on general text, close to what the target said."
    citation = "KnowUnDo (arXiv 2407.01920), section 4: GA + KL, OOD"
    keeps = "general"
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "smollm2-135m:lora": {"lr": 8e-4},  # results/published/tuning
    }
