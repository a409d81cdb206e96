"""Representation misdirection: RMU and Adaptive RMU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from unharness import FloatRange, Search, Stream, UnlearnContext
from unharness_methods.misdirection import Misdirection
from unharness_methods.steering import mean_norms

if TYPE_CHECKING:
    from torch import Tensor

    from unharness import UnlearnBatch


class RMU(Misdirection):
    """Loss: |h(forget) − c · u|² / H + retain_weight · |h(retain) − h_reference|² / H, c given.

    It must be of the order of the states' own length or above to disturb them; the record has that
    as `mean_norm_of_states`.
    """

    name = "rmu"
    summary = "Steers the forget set's hidden states to a random direction."
    citation = "Li et al. 2024, arXiv 2403.03218, section 4"
    family = "representation"
    evidence = (("oracle", "tests/methods/test_rmu.py"),)
    # Chosen on a validation part: results/published/tuning
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"lr": 0.00307, "epochs": 4, "depth": 0.4, "retain_weight": 13.6, "steering": 247.0}
    }

    class Config(Misdirection.Config):
        """Adds the length."""

        steering: float = Field(
            6.5, gt=0, description="length c of the vector that states are steered to"
        )

        search: ClassVar[Mapping[str, Search]] = {"steering": FloatRange(2, 300, log=True)}

    def length(self, batch: UnlearnBatch) -> Tensor:
        """Return c, a scalar."""
        import torch

        return torch.tensor(float(self.config.steering))


class AdaptiveRMU(Misdirection):
    """Loss: that of RMU, c a multiple of the mean length of the target's states on the example.

    So that the length need not be tuned for every model.
    """

    name = "adaptive-rmu"
    summary = "RMU that steers as far as a multiple of the states' own length."
    citation = "Huu-Tien et al. 2024, arXiv 2408.06223 (Adaptive RMU)"
    family = "representation"
    evidence = (("oracle", "tests/methods/test_rmu.py"),)
    # Chosen on a validation part: results/published/tuning
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"lr": 0.00928, "epochs": 4, "depth": 0.6, "retain_weight": 172.0, "scale": 9.12}
    }

    class Config(Misdirection.Config):
        """Adds the multiple."""

        scale: float = Field(5.0, gt=0, description="multiple of the mean length of the states")

        search: ClassVar[Mapping[str, Search]] = {"scale": FloatRange(1, 10, log=True)}

    def streams(self) -> Mapping[str, Stream]:
        """Return the streams of RMU; the reference's states on the forget set too."""
        streams = dict(super().streams())
        if not self.released_code():
            streams["forget"] = Stream("forget", reference={"hidden"}, layers=(self.block(),))
        return streams

    def prepare(self, context: UnlearnContext) -> None:
        """Measure one batch of examples, where it decides the length for all.

        The authors' code measures the first that is trained; here it is the set's first rows.
        """
        super().prepare(context)
        if self.released_code():
            first = self.config.batch_size
            self._length = self.config.scale * self.mean_norm(context, first)
            context.report["steering"] = self._length

    def length(self, batch: UnlearnBatch) -> Tensor:
        """Return c of each example, (B, 1, 1); one for all examples for the released code."""
        import torch

        if self.released_code():
            return torch.tensor(self._length)
        states = batch.reference.hidden("forget", self.block())
        norms = mean_norms(states, self.positions(batch["forget"]))
        lengths: Tensor = self.config.scale * norms
        return lengths[:, None, None]
