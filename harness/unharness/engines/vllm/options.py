"""The options of the `vllm` engine."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from unharness.engines.engine import Engine

RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""What vLLM takes for `max_lora_rank`; an adapter of another rank goes under the next."""


class VllmOptions(Engine.Options):
    """How vLLM runs. The defaults suit models of up to some 10 B parameters on one device."""

    max_model_len: int | None = Field(
        None,
        ge=32,
        description="prompt and answer, in tokens; by default what the model takes, 2048 at most",
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        "auto", description="auto: float32 on a CPU, the model's own on a GPU"
    )
    gpu_memory_utilization: float = Field(
        0.9, gt=0, le=1, description="share of the GPU's memory, less if so much is not free"
    )
    tensor_parallel_size: int = Field(1, ge=1, description="how many GPUs share one model")
    max_lora_rank: int | None = Field(
        None, ge=1, description="highest rank of an adapter; by default as adapters come"
    )
    max_loras: int = Field(1, ge=1, description="adapters in one batch; the engine uses one")
    seed: int = 0
    enforce_eager: bool | None = Field(
        None, description="no compilation, no CUDA graphs; by default so on a CPU alone"
    )
    kv_cache_gib: float | None = Field(
        None,
        gt=0,
        description="size of the KV cache; by default 1 on a CPU, what the share "
        "above leaves on a GPU",
    )
    sleep: bool = Field(
        False, description="keep the engine, its weights on the CPU, while others need the GPU"
    )
    start_timeout_s: float = Field(600, gt=0, description="how long a start may take")

    @field_validator("max_lora_rank")
    @classmethod
    def _allowed(cls, rank: int | None) -> int | None:
        return None if rank is None else rounded_rank(rank)


def rounded_rank(rank: int) -> int:
    """Return the lowest `max_lora_rank` that vLLM takes for adapters of this rank.

    Raises:
        ValueError: there is none.
    """
    for allowed in RANKS:
        if rank <= allowed:
            return allowed
    raise ValueError(f"rank {rank} is more than the {RANKS[-1]} that vLLM takes")
