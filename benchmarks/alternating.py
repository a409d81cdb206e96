"""Times several ways of doing one thing in turn, so that all meet the same machine."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any


def alternate(arms: Mapping[str, Callable[[], float | None]], rounds: int) -> dict[str, Any]:
    """Run every arm once a round, after a round that does not count.

    Args:
        arms: by name; each returns the seconds that count, or None for all that it took.
        rounds: how often.

    Returns:
        By arm its seconds, round by round, and their median; and for every arm but the first
        `ratio`: how many times as long the first one takes, the median over the rounds.
    """
    seconds: dict[str, list[float]] = {name: [] for name in arms}
    for at in range(rounds + 1):
        for name, arm in arms.items():
            begun = time.perf_counter()
            counted = arm()
            taken = time.perf_counter() - begun if counted is None else counted
            if at:
                seconds[name].append(taken)
    first = next(iter(seconds.values()))
    return {
        name: {
            "seconds": [round(value, 4) for value in values],
            "median": round(median(values), 4),
            "ratio": round(median(a / b for a, b in zip(first, values, strict=True)), 3),
        }
        for name, values in seconds.items()
    }


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    import torch

    facts: dict[str, Any] = {
        "cpu": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "machine": platform.machine(),
        "torch": torch.__version__,
    }
    if torch.cuda.is_available():
        facts["gpu"] = torch.cuda.get_device_name()
    return facts
