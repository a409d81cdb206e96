"""Where models are, and in what precision."""

from __future__ import annotations

from unharness.errors import UsageError


def find_device(requested: str) -> str:
    """Return `cpu` or a CUDA device.

    Raises:
        UsageError: no such device, or none here.
    """
    import torch

    if requested == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(requested)
    except RuntimeError:
        raise UsageError(
            f"unknown device {requested!r}; allowed: auto, cpu, cuda, cuda:N"
        ) from None
    if device.type not in ("cpu", "cuda"):
        raise UsageError(f"device {requested!r} is not supported; allowed: auto, cpu, cuda, cuda:N")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise UsageError(f"device {requested!r}: no CUDA here; use --device cpu")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UsageError(f"device {requested!r}: there are {torch.cuda.device_count()} GPUs")
    return requested


def weights_dtype(device: str, tuning: str, target_tuning: str) -> str:
    """Return the type of the base weights.

    Under an adapter on a GPU they are bfloat16 (the adapter stays float32); weights that are
    tuned themselves stay float32, as a step of a small learning rate is lost in bfloat16.
    """
    if device == "cpu" or "full" in (tuning, target_tuning):
        return "float32"
    return "bfloat16"
