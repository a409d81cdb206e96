"""How far a training moved each tensor."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from unharness.model_types import LanguageModel

ENTRIES_AT_ONCE = 1 << 22
"""Of a tensor, lifted to float64 at a time."""
SHOWN = 3
"""Tensors that a warning names."""


class InitialWeights:
    """The trainable tensors of a model before a training, copied to the CPU."""

    def __init__(self, model: LanguageModel) -> None:
        self._kept = {
            name: value.detach().to("cpu", copy=True)
            for name, value in model.named_parameters()
            if value.requires_grad
        }

    def digest(self) -> str:
        """Return a digest of them: names, types, shapes and bytes. Asked before the norms are."""
        found = hashlib.sha256()
        for name, value in sorted(self._kept.items()):
            found.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
            found.update(value.contiguous().reshape(-1).view(torch.uint8).numpy().data)
        return found.hexdigest()

    def update_norms(self, model: LanguageModel, *, again: bool = False) -> dict[str, float]:
        """Return the L2 norm of after minus before, by tensor; 0 if and only if nothing moved.

        A tensor that is no longer finite has no norm, and is left out. To six digits.

        Args:
            model: after the training, or on its way.
            again: whether this will be asked again; else each copy is dropped once it is compared.
        """
        norms = {}
        for name, value in model.named_parameters():
            before = self._kept.get(name) if again else self._kept.pop(name, None)
            if before is None:
                continue
            norm = _distance(value.detach(), before)
            if math.isfinite(norm):
                norms[name] = float(f"{norm:.6g}")
        return norms


def _distance(after: torch.Tensor, before: torch.Tensor) -> float:
    total = 0.0
    for new, old in zip(
        after.reshape(-1).split(ENTRIES_AT_ONCE),
        before.reshape(-1).split(ENTRIES_AT_ONCE),
        strict=True,
    ):
        total += float((new.cpu().double() - old.double()).square().sum())
    return math.sqrt(total)


def never_moved(norms: Mapping[str, float], *, training: str, except_for: set[str]) -> list[str]:
    """Return a warning of tensors that did not move although they were trained, if there are any.

    Args:
        norms: update norms, by tensor.
        training: what it was, for the warning.
        except_for: tensors that were kept from moving on purpose.
    """
    still = [name for name, norm in norms.items() if norm == 0 and name not in except_for]
    if not still:
        return []
    more = f" and {len(still) - SHOWN} more" if len(still) > SHOWN else ""
    return [
        f"{training}: {len(still)} of {len(norms)} trained tensors never moved: "
        f"{', '.join(still[:SHOWN])}{more}"
    ]
