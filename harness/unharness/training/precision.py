"""The precision of a training's arithmetic."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from unharness.data.recipe import Precision


def autocast(device: torch.device, precision: Precision) -> AbstractContextManager[object]:
    """Return the autocast under which losses are computed on a device."""
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)
