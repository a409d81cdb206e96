"""Gradient ascent with KL out of distribution: general text in the place of the retain set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unharness_methods.kl import GradientAscentKL

if TYPE_CHECKING:
    from unharness import TokenBatch, UnlearnBatch


class GradientAscentKLOOD(GradientAscentKL):
    """Loss: − forget_weight · NLL(forget) + kl_weight · KL(reference ‖ model) on general text."""

    name = "kl-ood"
    summary = "Ascent on the forget set; on general text, close to what the target said."
    citation = "KnowUnDo (arXiv 2407.01920), section 4: GA + KL, OOD"
    uses = frozenset({"general", "reference"})

    def kept(self, batch: UnlearnBatch) -> TokenBatch:
        """Return the general text."""
        assert batch.general is not None  # `uses` says so
        return batch.general
