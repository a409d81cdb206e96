"""Several processes that train one model together, as `accelerate launch` starts them.

Each takes its part of every batch. It holds the whole model, and torch's DistributedDataParallel,
which Trainer wraps the model in, averages the gradients; or a part of it (`sharded`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta

from unharness.errors import UsageError

PATIENCE = timedelta(hours=24)
"""How long a process waits for the others: the first one evaluates meanwhile."""
FSDP = "ACCELERATE_USE_FSDP"
"""What accelerate sets for a configuration in which each process holds a part of the model."""
OTHERS = {"ACCELERATE_USE_DEEPSPEED": "DeepSpeed", "ACCELERATE_USE_MEGATRON_LM": "Megatron-LM"}
_sharded = False


def world_size() -> int:
    """Return how many processes there are."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Return which of them this is, from 0."""
    return int(os.environ.get("RANK", "0"))


def is_leader() -> bool:
    """Return whether this is the one that evaluates and leaves records."""
    return rank() == 0


def is_sharded() -> bool:
    """Return whether each process trains a part of the model."""
    return _sharded


def join(device: str) -> None:
    """Find the others.

    Raises:
        UsageError: accelerate is configured for something else than multi-GPU, multi-CPU or FSDP.
    """
    global _sharded
    for variable, name in OTHERS.items():
        if os.environ.get(variable, "").lower() == "true":
            raise UsageError(f"{name} is not supported; launch with FSDP, or plain multi-GPU")
    import torch
    from accelerate import PartialState

    if device != "cpu":
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    try:
        # It reads the variable: parts that lie on the CPU need a backend for the CPU too.
        PartialState(cpu=device == "cpu", timeout=PATIENCE)
    finally:
        # From here on accelerate must not see it: it knows FSDP on GPUs alone, and would wrap the
        # model its own way.
        _sharded = os.environ.pop(FSDP, "").lower() == "true"


def agree(value: bool) -> bool:
    """Return what the first process says, in all of them."""
    import torch
    import torch.distributed
    from accelerate import PartialState

    told = torch.tensor(int(value), device=PartialState().device)
    torch.distributed.broadcast(told, src=0)
    return bool(told.item())


def mean_over_processes(values: Sequence[float]) -> float:
    """Return the mean of all processes' values; each may hold another number of them."""
    total, count = float(sum(values)), float(len(values))
    if world_size() > 1:
        import torch
        import torch.distributed
        from accelerate import PartialState

        sums = torch.tensor([total, count], dtype=torch.float32, device=PartialState().device)
        torch.distributed.all_reduce(sums)
        total, count = sums.tolist()
    return total / max(count, 1.0)


def own_rows(count: int) -> list[int]:
    """Return which of so many examples are this process's part; perhaps none."""
    return list(range(rank(), count, world_size()))
