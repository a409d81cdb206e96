"""Free memory of a device, and what to do when it is used up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch

T = TypeVar("T")


def unless_out_of_memory(work: Callable[[], T]) -> T | None:
    """Return what `work` returns; None where memory does not suffice, what was taken given back."""
    from accelerate.utils.memory import clear_device_cache, should_reduce_batch_size

    try:
        return work()
    except (RuntimeError, MemoryError) as error:
        if not isinstance(error, MemoryError) and not should_reduce_batch_size(error):
            raise
    clear_device_cache(garbage_collection=True)  # behind the block: the error held the tensors
    return None


def in_parts(work: Callable[[Sequence[Any]], None], rows: Sequence[Any]) -> None:
    """Work on rows all at once, and in halves where memory runs out.

    Args:
        work: is given some of the rows; what it did of rows that it is given again is replaced.
        rows: one at least.
    """
    if len(rows) == 1:
        work(rows)
        return

    def whole() -> bool:
        work(rows)
        return True

    if not unless_out_of_memory(whole):
        middle = len(rows) // 2
        in_parts(work, rows[:middle])
        in_parts(work, rows[middle:])


def free_memory(device: torch.device) -> int:
    """Return the bytes that can be taken on a device without swapping."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        cached = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(free + cached)
    import psutil

    return int(psutil.virtual_memory().available)
