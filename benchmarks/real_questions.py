"""A base model and a task's real questions, for benchmarks."""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from alternating import machine

from unharness.data.encoding import Encoded, encode_examples
from unharness.data.examples import Role
from unharness.data.recipe import LoraSettings, Precision
from unharness.data.sources import DataSource
from unharness.data.task_data import TaskData
from unharness.models.lora import add_adapter
from unharness.models.source import find_base_model
from unharness.pipeline.device import choose_precision, weights_dtype
from unharness.registry import registry
from unharness.training.steps import Step, fine_tune_steps
from unharness.unlearning.context import UnlearnContext

MAX_LENGTH = 256
BATCH = 16
"""Examples of a step."""


@dataclass(frozen=True)
class Subject:
    """What a benchmark works on."""

    model: Any
    tokenizer: Any
    data: TaskData
    template: str
    precision: Precision
    """That a run has by default on this device."""

    def encoded(self, role: Role | None = None) -> list[Encoded]:
        """Return the training examples of a role as tokens; None: all that the target learns."""
        splits = self.data.trainable(role) if role else self.data.learned()
        examples = [row for split in splits for row in split.examples]
        rows = encode_examples(
            self.tokenizer, examples, MAX_LENGTH, end_token=True, template=self.template
        )
        return [row for row in rows if row.scored]

    def epoch(self, rows: Sequence[Encoded]) -> list[Step]:
        """Return the steps of one epoch over some examples, as a run plans them."""
        return fine_tune_steps(
            rows,
            epochs=1,
            batch_size=BATCH,
            micro_batch_size=None,
            pad_token_id=self.tokenizer.pad_token_id,
            order=random.Random(0),
        )

    def context(self) -> UnlearnContext:
        """Return what a method is given."""
        device = str(self.model.device)
        return UnlearnContext(
            self.model,
            self.tokenizer,
            self.data,
            0,
            MAX_LENGTH,
            device,
            template=self.template,
            precision=self.precision,
        )


def parser(text: str | None) -> argparse.ArgumentParser:
    """Return a parser of the options that all benchmarks have."""
    found = argparse.ArgumentParser(
        description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    found.add_argument("--data", default="auto")
    found.add_argument("--task", default="knowundo-privacy")
    found.add_argument("--model", default="smollm2-135m")
    found.add_argument("--rounds", type=int, default=3)
    found.add_argument("--limit", type=int, help="use only the first N examples of each split")
    found.add_argument("--out", type=Path, help="write the figures as JSON")
    return found


def load(options: argparse.Namespace, tuning: str = "full", device: str = "") -> Subject:
    """Return model and data on a device, in the types that a run has there.

    Without a device it is the GPU where there is one.
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    task = registry().get("tasks", options.task)()
    data = task.load(DataSource(options.data))
    base = find_base_model(options.model, registry())
    precision = choose_precision("auto", device, base.precision)
    model, tokenizer = base.load(data, weights_dtype(precision, tuning, tuning))
    if tuning == "lora":
        model = add_adapter(model, LoraSettings(), seed=0)
    limited = data.limited(options.limit) if options.limit else data
    template = task.template or base.template()
    return Subject(model.to(device).eval(), tokenizer, limited, template, precision)


def by_tuning(options: argparse.Namespace, figures: Callable[[Subject], dict[str, Any]]) -> None:
    """Measure under full tuning and under LoRA; print and write the figures of both."""
    found: dict[str, Any] = {"model": options.model, "task": options.task, "machine": machine()}
    for tuning in ("full", "lora"):
        found[tuning] = figures(load(options, tuning))
        print(tuning, json.dumps(found[tuning]), flush=True)
    write(options, found)


def write(options: argparse.Namespace, found: dict[str, Any]) -> None:
    """Write the figures as JSON, if the user asks for it."""
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n")
