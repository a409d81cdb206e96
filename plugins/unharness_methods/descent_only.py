"""A control: ordinary fine-tuning on the retain set, without any unlearning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from unharness import LossMethod, Stream, sequence_nll

if TYPE_CHECKING:
    from torch import Tensor

    from unharness import LanguageModel, UnlearnBatch


class DescentOnly(LossMethod):
    """Loss: NLL(retain). What any further training changes, forgotten and kept alike.

    An epoch has as many steps as for the other methods, a pass over the forget set; of the forget
    set nothing but its size is used.
    """

    name = "descent-only"
    summary = "A control: descent on the retain set alone, no unlearning."
    family = "control"
    evidence = (("oracle", "tests/methods/test_losses.py"),)
    # Those of gradient difference, so that the two differ in the ascent alone.
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {"tiny": {"lr": 1e-3, "epochs": 4}}

    def streams(self) -> Mapping[str, Stream]:
        """Return what the descent reads."""
        return {"retain": Stream("retain")}

    def streams_by_term(self) -> list[list[str]]:
        """Return the retain set alone: the forget set only gives the number of steps."""
        return [["retain"]]

    def loss(self, model: LanguageModel, batch: UnlearnBatch) -> Tensor:
        """Return the mean NLL of the retain examples (nats per token)."""
        return sequence_nll(model, batch["retain"]).mean()
