"""Denormal numbers: floats so near 0 that CPUs compute with them up to a hundred times slower.

A loss that is saturated, as that of a model that has collapsed, has gradients full of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy
import torch

DENORMAL = 1e-40
PARALLEL_ELEMENTS = 2**22
"""Elements of a tensor that torch spreads over all its threads."""


@contextmanager
def denormals_as_zero() -> Iterator[None]:
    """Take denormals for 0 while the block lasts, on this thread and on those that start in it.

    Where the CPU cannot, nothing changes.
    """
    for kind in (numpy.float16, numpy.float32, numpy.float64):
        numpy.finfo(kind)  # measured once, and with a warning where denormals are 0
    before = are_zero()
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(before)


def are_zero() -> bool:
    """Return whether this thread takes denormals for 0."""
    return not bool((torch.full((1,), DENORMAL) * 1.0).count_nonzero())


def start_threads() -> None:
    """Start torch's threads so that they take denormals for 0, now and later.

    For a process of our own, before it computes anything: a thread keeps the mode of the one that
    started it.
    """
    with denormals_as_zero():
        torch.ones(PARALLEL_ELEMENTS).add_(1.0)
