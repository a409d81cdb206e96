"""A profile of trainings by torch's own profiler: a few steps of each, so traces stay small."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

WARM_UP = 1
"""Steps before those that are traced, in a training that has more: first steps allocate."""
TRACED = 3
"""Steps of a training that are traced."""


@dataclass
class OperatorCost:
    """What an operator of torch took in the traced steps."""

    calls: int = 0
    cpu_seconds: float = 0.0
    """Its own, without what it calls."""
    gpu_seconds: float = 0.0


@dataclass
class Profile:
    """What the trainings of a run cost, operator by operator."""

    folder: Path
    """Where traces are written as they are made."""
    stage: str = "training"
    """What is under way: traces are named by it."""
    traces: list[Path] = field(default_factory=list)
    """Chrome traces, compressed: `<number>-<stage>.json.gz`."""
    operators: dict[str, OperatorCost] = field(default_factory=dict)
    """By name, over all traced steps."""
    steps: int = 0
    """Traced, of all trainings."""

    def operator_seconds(self) -> dict[str, float]:
        """Return what each operator took by itself: on the GPU, where any took time there."""
        on_gpu = any(cost.gpu_seconds for cost in self.operators.values())
        return {
            name: cost.gpu_seconds if on_gpu else cost.cpu_seconds
            for name, cost in self.operators.items()
        }

    @contextmanager
    def recording(self, total: int) -> Iterator[Callable[[], None]]:
        """Trace some steps of a training of `total`; call what is yielded after each of them.

        Of a training that fails or is interrupted nothing is kept.
        """
        import torch
        from torch.profiler import ProfilerActivity, profile

        activities = [ProfilerActivity.CPU]
        if torch.cuda.is_available():
            activities.append(ProfilerActivity.CUDA)
        first = WARM_UP if total > WARM_UP else 0
        last = min(total, first + TRACED)
        profiler = profile(activities=activities)
        done, running = 0, False

        def stop() -> None:
            nonlocal running
            running = False
            profiler.stop()

        def tick() -> None:
            nonlocal done, running
            done += 1
            if done == first:
                running = True
                profiler.start()
            elif running and done == last:
                stop()
                self._keep(profiler, last - first)

        if first == 0 and total:
            running = True
            profiler.start()
        try:
            yield tick
        finally:
            if running:
                stop()

    def _keep(self, profiler: Any, steps: int) -> None:
        """Write the trace, and add up the operators."""
        name = re.sub(r"[^0-9A-Za-z]+", "-", self.stage).strip("-")
        path = self.folder / f"{len(self.traces) + 1}-{name}.json.gz"
        profiler.export_chrome_trace(str(path))
        self.traces.append(path)
        self.steps += steps
        for event in profiler.key_averages():
            # Kernels, copies and annotations on the GPU are events of their own as well; their time
            # is that of the operators that started them.
            if event.device_type.name != "CPU":
                continue
            cost = self.operators.setdefault(str(event.key), OperatorCost())
            cost.calls += int(event.count)
            cost.cpu_seconds += event.self_cpu_time_total / 1e6
            cost.gpu_seconds += event.self_device_time_total / 1e6


_current: ContextVar[Profile | None] = ContextVar("profile", default=None)


@contextmanager
def profiled(profile: Profile) -> Iterator[Profile]:
    """Profile the trainings that run while the block lasts."""
    token = _current.set(profile)
    try:
        yield profile
    finally:
        _current.reset(token)


@contextmanager
def recorded_steps(total: int) -> Iterator[Callable[[], None]]:
    """Trace some steps of a training, if a profile is wanted; call what is yielded after each."""
    profile = _current.get()
    if profile is None:
        yield lambda: None
        return
    with profile.recording(total) as tick:
        yield tick
