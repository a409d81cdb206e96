"""MemFlex's iterative form: the region is located anew at every optimizer step.

As in zjunlp/unlearn: the gradients of the step's own forget and retain examples are compared,
answers as they are, and what lies outside the region gets a gradient of 0 for this step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from unharness import MethodError, gather_full_tensor
from unharness_methods.localisation import Region, choose_region, compare


class PerStepRegion:
    """Joins the gradients of a step's two terms inside the region that they point at."""

    def __init__(self, config: Any, report: dict[str, Any]) -> None:
        self._mu, self._sigma = config.mu, config.sigma
        self._weights = {"forget": -config.forget_weight, "retain": config.retain_weight}
        self._chosen: dict[str, int] = {}
        self._report = report
        self._empty = 0
        self._steps = 0

    def combine(
        self, forget: Mapping[str, torch.Tensor], retain: Mapping[str, torch.Tensor]
    ) -> dict[str, torch.Tensor]:
        """Return the sum of both gradients in the step's region, and 0 outside of it."""
        region = self._locate(forget, retain)
        names = set(region.names)
        combined: dict[str, torch.Tensor] = {}
        for name in forget.keys() & retain.keys():
            total = forget[name] + retain[name]
            combined[name] = total if name in names else torch.zeros_like(total)
        self._note(region)
        return combined

    def refuse_if_never(self) -> None:
        """Refuse a training in which nothing was ever in the region.

        Raises:
            MethodError: the region was empty at every step.
        """
        if self._steps and self._empty == self._steps:
            raise MethodError(
                f"the MemFlex region was empty at every one of {self._steps} steps: no tensor had "
                f"cosine < {self._mu} and magnitude > {self._sigma}; mu=q0.5 sigma=q0.25 would "
                "select some"
            )

    def never_selected(self) -> set[str]:
        """Return the names of the tensors that had gradients and were in no step's region."""
        return {name for name, count in self._chosen.items() if not count}

    def _locate(
        self, forget: Mapping[str, torch.Tensor], retain: Mapping[str, torch.Tensor]
    ) -> Region:
        """Compare the gradients of the two likelihoods: the loss's weights are taken out."""
        scores = []
        for name in forget:
            if name in retain:
                left = gather_full_tensor(forget[name]) / (self._weights["forget"] or 1.0)
                right = gather_full_tensor(retain[name]) / (self._weights["retain"] or 1.0)
                scores.append(compare(name, left, right))
        return choose_region(scores, self._mu, self._sigma)

    def training_state(self) -> Mapping[str, object]:
        """Return what was counted, and the report of it."""
        return {
            "chosen": dict(self._chosen),
            "empty": self._empty,
            "steps": self._steps,
            "region": self._report.get("region"),
        }

    def load_training_state(self, state: Mapping[str, Any]) -> None:
        """Go on counting."""
        self._chosen = dict(state["chosen"])
        self._empty, self._steps = state["empty"], state["steps"]
        self._report["region"] = state["region"]

    def _note(self, region: Region) -> None:
        self._steps += 1
        self._empty += not region.names
        for score in region.scores:
            self._chosen[score.name] = self._chosen.get(score.name, 0) + region.holds(score)
        self._report["region"] = {
            "localise": "every-step",
            "steps": self._steps,
            "empty_steps": self._empty,
            "mean_selected_tensors": sum(self._chosen.values()) / self._steps,
            "tensors": [
                {"name": name, "selected_steps": count} for name, count in self._chosen.items()
            ],
        }
