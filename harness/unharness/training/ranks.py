"""Several processes that train one model together, as `accelerate launch` starts them.

Each holds the whole model and takes its part of every batch; gradients are averaged by torch's
DistributedDataParallel, which Trainer wraps the model in.
"""

from __future__ import annotations

import os
from datetime import timedelta

from unharness.errors import UsageError

PATIENCE = timedelta(hours=24)
"""How long a process waits for the others: the first one evaluates meanwhile."""
SHARDED = {
    "ACCELERATE_USE_FSDP": "FSDP",
    "ACCELERATE_USE_DEEPSPEED": "DeepSpeed",
    "ACCELERATE_USE_MEGATRON_LM": "Megatron-LM",
}
"""What accelerate sets for configurations in which no process has the whole model."""


def world_size() -> int:
    """Return how many processes there are."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Return which of them this is, from 0."""
    return int(os.environ.get("RANK", "0"))


def is_leader() -> bool:
    """Return whether this is the one that evaluates and leaves records."""
    return rank() == 0


def join(device: str) -> None:
    """Find the others.

    Raises:
        UsageError: accelerate is configured to shard the model.
    """
    for variable, name in SHARDED.items():
        if os.environ.get(variable, "").lower() == "true":
            raise UsageError(
                f"{name}: every process must hold the whole model, for it is evaluated and hashed "
                "as one; launch with a configuration for multi-GPU or multi-CPU, or use LoRA, "
                "which needs a fraction of the memory"
            )
    import torch
    from accelerate import PartialState

    if device != "cpu":
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    PartialState(cpu=device == "cpu", timeout=PATIENCE)


def agree(value: bool) -> bool:
    """Return what the first process says, in all of them."""
    import torch
    import torch.distributed
    from accelerate import PartialState

    told = torch.tensor(int(value), device=PartialState().device)
    torch.distributed.broadcast(told, src=0)
    return bool(told.item())


def own_rows(count: int) -> list[int]:
    """Return which of so many examples are this process's part; perhaps none."""
    return list(range(rank(), count, world_size()))
