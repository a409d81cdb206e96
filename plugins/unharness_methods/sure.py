"""SURE: only the rows of matrices that matter most for the forget loss are trained."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import Field, model_validator

from unharness import Choice, MethodError, Search, UnlearnContext, WrapperMethod, target_gradients
from unharness_methods.gradients import Gradients

if TYPE_CHECKING:
    from torch import Tensor

    from unharness import LanguageModel


def salient_rows(gradients: Gradients, percentile: float) -> dict[str, Tensor]:
    """Return which rows have a gradient at or above a percentile of all rows' lengths.

    Args:
        gradients: by parameter; a row is an output of a matrix, or an entry of a vector.
        percentile: 0 to 100, by linear interpolation.

    Returns:
        By parameter: (rows,) bool.
    """
    import numpy as np
    import torch

    lengths = {
        name: value.float().flatten(1).norm(dim=1) if value.dim() > 1 else value.float().abs()
        for name, value in gradients.items()
    }
    every = torch.cat([value.cpu() for value in lengths.values()]).double().numpy()
    threshold = float(np.quantile(every, percentile / 100))
    return {name: value.double() >= threshold for name, value in lengths.items()}


class SURE(WrapperMethod):
    """Trains the rows whose forget gradient, at the target, is at or above a percentile.

    Few rows at a high learning rate move further than a step of quantization. Under LoRA the rows
    are those of the output factor B; the input factor A stays, since it is shared by all rows. The
    learning rate is the user's and is tuned as for any method.
    """

    name = "sure"
    summary = "Another method's loss on the weights' rows that matter most for the forget set."
    citation = "Zhang et al. 2024, arXiv 2410.16454 (SURE)"
    family = "wrapper"
    evidence = (("oracle", "tests/methods/test_wrappers.py"),)
    # Chosen on a validation part: results/published/tuning
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"lr": 0.00183, "epochs": 4, "percentile": 50.0}
    }

    class Config(WrapperMethod.Config):
        """Adds the percentile."""

        base: str = Field(
            "npo",
            description="the method whose loss is trained: NAME, or NAME:SETTING=VALUE,… with its "
            "own hyperparameters",
        )
        percentile: float = Field(
            90.0, ge=0, lt=100, description="rows below it by the length of their gradient stay"
        )

        search: ClassVar[Mapping[str, Search]] = {"percentile": Choice((50.0, 90.0, 99.0))}

        @model_validator(mode="after")
        def _no_decay(self) -> Self:
            if self.weight_decay:
                raise ValueError("weight_decay must be 0: it would move the rows that are to stay")
            return self

    def prepare(self, context: UnlearnContext) -> None:
        """Find the rows, by the gradient of the base's forget terms at the target."""
        super().prepare(context)
        gradients = target_gradients(self, context, self.forget_terms)
        adapted = {name: value for name, value in gradients.items() if ".lora_B." in name}
        rows = salient_rows(adapted or gradients, self.config.percentile)
        chosen = super().select_parameters(context)
        self._rows = {name: kept for name, kept in rows.items() if chosen is None or name in chosen}
        counts = {name: int(kept.sum()) for name, kept in self._rows.items()}
        context.held_back |= {name for name, count in counts.items() if not count}
        context.report["rows"] = {
            "trained": sum(counts.values()),
            "all": sum(kept.numel() for kept in self._rows.values()),
        }

    def select_parameters(self, context: UnlearnContext) -> Collection[str]:
        """Return the tensors that have rows to train."""
        return [name for name, kept in self._rows.items() if bool(kept.any())]

    def finish_gradients(self, model: LanguageModel) -> None:
        """Clear the gradients of the rows that stay.

        Raises:
            MethodError: the gradients are spread over several processes.
        """
        super().finish_gradients(model)
        for name, value in model.named_parameters():
            if value.grad is None or name not in self._rows:
                continue
            if hasattr(value.grad, "full_tensor"):
                raise MethodError("sure cannot train a model in parts (FSDP); use plain multi-GPU")
            stays = ~self._rows[name].to(value.grad.device)
            value.grad[stays] = 0

    def gradients_before_training(self) -> tuple[int, int]:
        """Return one gradient of all tensors, of a batch of examples."""
        return 1, self.config.micro_batch_size or self.config.batch_size
