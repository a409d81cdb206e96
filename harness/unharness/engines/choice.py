"""Which engine generates, where the user leaves it open."""

from __future__ import annotations

import importlib.util

from unharness.defaults import AUTO_ENGINE


def choose_engine(requested: str, device: str) -> tuple[str, str]:
    """Return the name of an engine, and why it is that one, in words.

    Args:
        requested: a name, or `auto`: vLLM on a GPU where it is installed, else transformers.
        device: what models are on, such as `cpu` or `cuda:1`.
    """
    if requested != AUTO_ENGINE:
        return requested, "asked for"
    if not device.startswith("cuda"):
        return "hf", "no CUDA here"
    if importlib.util.find_spec("vllm") is None:
        return "hf", "vLLM is not installed"
    return "vllm", "CUDA, and vLLM is installed"
