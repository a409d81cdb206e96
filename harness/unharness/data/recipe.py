"""How a model is trained: what every training in the harness shares, and what a task may set."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from unharness.strict_model import StrictModel

Schedule = Literal["cosine", "linear", "constant"]
Precision = Literal["float32", "bfloat16"]
"""Of a training's arithmetic; the weights that are trained are float32 either way."""
MaxLength = Annotated[int, Field(ge=2, le=1_000_000)]
"""Of prompt and answer together, in tokens."""
MaxNewTokens = Annotated[int, Field(ge=1, le=1_000_000)]
"""Generated after a prompt at most."""
HIGHEST_SEED = 2**32 - 1


class TrainConfig(StrictModel):
    """The hyperparameters of one training."""

    epochs: int = Field(2, ge=1, le=10_000, description="passes over the forget set")
    lr: float = Field(5e-5, gt=0, le=10, description="highest learning rate (AdamW)")
    batch_size: int = Field(16, ge=1, le=65_536, description="examples of an optimizer step")
    micro_batch_size: int | None = Field(
        None, ge=1, description="examples of one forward pass; all of the batch when not given"
    )
    weight_decay: float = Field(0.0, ge=0, le=1, description="AdamW's weight decay")
    warmup_ratio: float = Field(0.03, ge=0, lt=1, description="share of the steps that warm up")
    schedule: Schedule = Field("cosine", description="how the learning rate falls after that")
    max_grad_norm: float = Field(1.0, ge=0, description="gradient clipping; 0 clips nothing")


class FineTuneConfig(TrainConfig):
    """How the target model learns the task's facts."""

    epochs: int = Field(10, ge=1, le=10_000, description="passes over the examples")
    seed: int = Field(
        0, ge=0, le=HIGHEST_SEED, description="decides the order of the examples and any dropout"
    )


class LoraSettings(StrictModel):
    """A LoRA adapter, on all linear layers."""

    r: int = Field(8, ge=1, le=4096, description="rank")
    alpha: int = Field(16, ge=1, le=1_000_000, description="scale: the adapter counts alpha / r")
    dropout: float = Field(0.1, ge=0, lt=1, description="dropout on the adapter's input")
