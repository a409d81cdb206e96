"""Steps with batches padded to their longest, against lengths in steps of 8 or 16.

The first batch of a new shape is slower, as kernels are set up for it. Every arm therefore runs in
a separate process, and its first batches are timed too. Peak resident memory is measured as well.
Padding has no gradient, so all arms have the same gradients up to rounding.

    python benchmarks/batch_lengths.py --data ../shared/data --steps 24 --rounds 2 \
        --out benchmarks/results/batch_lengths.json
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from functools import partial
from itertools import islice
from statistics import median
from typing import Any

from alternating import machine
from own_process import in_own_process
from real_questions import load, parser, write

from unharness.cli.run import calm_libraries
from unharness.data.batches import TokenBatch, padded
from unharness.data.recipe import FineTuneConfig
from unharness.pipeline.memory import PeakMemory
from unharness.training.likelihood import sequence_nll
from unharness.training.loop import train
from unharness.training.steps import Step

STEPS_OF = (1, 8, 16)


def rounded(step: Step, multiple: int, pad: int) -> Step:
    """Return a step whose batches have lengths that are multiples of a number."""

    def longer(make: Any) -> TokenBatch:
        batch: TokenBatch = make()
        length = batch.input_ids.shape[1]
        return padded(batch, -(-length // multiple) * multiple, pad)

    parts = (replace(part, make=partial(longer, part.make)) for part in step.micro_batches)
    return replace(step, micro_batches=tuple(parts))


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Take the steps in this process, and return seconds, shapes and gigabytes."""
    subject = load(options, options.tuning)
    pad = subject.tokenizer.pad_token_id
    epoch = subject.epoch(subject.encoded())
    steps = [rounded(step, options.multiple, pad) for step in islice(epoch, options.steps)]
    batches: list[Any] = [step.micro_batches[0].make() for step in steps]
    shapes = {tuple(batch.input_ids.shape) for batch in batches}
    peak = PeakMemory(str(subject.model.device))
    log = train(
        subject.model,
        steps,
        lambda now, batch: sequence_nll(now, batch).mean(),
        FineTuneConfig(epochs=1, lr=1e-5),
        seed=0,
        precision=subject.precision,
    )
    return {"seconds": log.seconds, "shapes": len(shapes), "peak_gb": peak.gigabytes()}


def main() -> None:
    """Measure every arm in turn, and write ratios to batches padded to their longest."""
    flags = parser(__doc__)
    flags.add_argument("--steps", type=int, default=24)
    flags.add_argument("--tuning", choices=("full", "lora"), default="full")
    flags.add_argument("--multiple", type=int, help="measure this one, here")
    options = flags.parse_args()
    if options.multiple:
        print(json.dumps(measure(options)))
        return
    runs: dict[int, list[dict[str, Any]]] = {multiple: [] for multiple in STEPS_OF}
    for _ in range(options.rounds):
        for multiple, rows in runs.items():
            words = [*sys.argv[1:], "--multiple", str(multiple)]
            rows.append(in_own_process(__file__, words))
            print(multiple, rows[-1], flush=True)
    first = runs[STEPS_OF[0]]
    found: dict[str, Any] = {
        "model": options.model,
        "tuning": options.tuning,
        "steps": options.steps,
        "machine": machine(),
    }
    for multiple, rows in runs.items():
        ratios = [one["seconds"] / row["seconds"] for one, row in zip(first, rows, strict=True)]
        found[f"multiples of {multiple}"] = {"runs": rows, "times as fast": median(ratios)}
    print(json.dumps(found))
    write(options, found)


if __name__ == "__main__":
    calm_libraries(False)
    main()
