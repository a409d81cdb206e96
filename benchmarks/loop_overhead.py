"""The harness's training loop against a bare torch loop over the same batches.

python benchmarks/loop_overhead.py --data ../shared/data --model tiny \
        --out benchmarks/results/loop_overhead.json
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from typing import Any

import torch
from alternating import alternate, machine
from real_questions import load, parser, write

from unharness.cli.run import calm_libraries
from unharness.data.recipe import FineTuneConfig
from unharness.training.libraries import freeze_libraries
from unharness.training.likelihood import sequence_nll
from unharness.training.loop import train
from unharness.training.steps import Step

LR = 1e-5


def bare(model: Any, steps: Sequence[Step]) -> Callable[[], None]:
    """Return the loop that one would write by hand."""

    def run() -> None:
        own = copy.deepcopy(model).train()
        device = next(own.parameters()).device
        optimizer = torch.optim.AdamW(own.parameters(), lr=LR, weight_decay=0.0, fused=True)
        for step in steps:
            batch: Any = step.micro_batches[0].make().to(device)
            torch.autograd.backward(sequence_nll(own, batch).mean())
            torch.nn.utils.clip_grad_norm_(own.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        if device.type == "cuda":
            torch.cuda.synchronize()

    return run


def harness(model: Any, steps: Sequence[Step]) -> Callable[[], None]:
    """Return the harness's loop over the same steps, its set-up counted."""
    config = FineTuneConfig(lr=LR)

    def run() -> None:
        own = copy.deepcopy(model)
        train(own, steps, lambda now, batch: sequence_nll(now, batch).mean(), config, seed=0)

    return run


def main() -> None:
    """Time both, and write the ratio."""
    words = parser(__doc__)
    words.add_argument("--steps", type=int, default=200)
    options = words.parse_args()
    subject = load(options)
    epoch = subject.epoch(subject.encoded())
    steps = list(islice(cycle(epoch), options.steps))
    found: dict[str, Any] = {"model": options.model, "steps": len(steps), "machine": machine()}
    found |= alternate(
        {"unharness": harness(subject.model, steps), "bare": bare(subject.model, steps)},
        options.rounds,
    )
    found["overhead"] = round(found["bare"]["ratio"] - 1, 4)
    print(json.dumps(found))
    write(options, found)


if __name__ == "__main__":
    calm_libraries(False)
    freeze_libraries(adapters=False)  # as the command line does
    main()
