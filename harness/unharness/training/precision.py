"""The precision of a training's arithmetic."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


def uses_bf16(device: torch.device) -> bool:
    """Whether models are trained under bf16 autocast on a device."""
    return device.type == "cuda" and torch.cuda.is_bf16_supported()


def autocast(device: torch.device) -> AbstractContextManager[object]:
    """Return the autocast under which losses are computed on a device."""
    return torch.autocast("cuda", torch.bfloat16) if uses_bf16(device) else nullcontext()
