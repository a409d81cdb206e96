"""Which engine generates, where the user leaves it open."""

from __future__ import annotations

import importlib.util

from unharness.defaults import AUTO_ENGINE
from unharness.registry import Registry


def choose_engine(requested: str, registry: Registry, device: str) -> tuple[str, str]:
    """Return the name of an engine, and why it is that one, in words.

    Args:
        requested: a name, or `auto`: vLLM on a GPU where it is installed, else transformers.
        registry: what there is.
        device: what models are on, such as `cpu` or `cuda:1`.

    Raises:
        UnknownNameError: no engine has that name.
    """
    if requested != AUTO_ENGINE:
        return registry.entry("engines", requested).name, "asked for"
    if not device.startswith("cuda"):
        return "hf", "no CUDA here"
    if importlib.util.find_spec("vllm") is None:
        return "hf", "vLLM is not installed"
    return "vllm", "CUDA, and vLLM is installed"
