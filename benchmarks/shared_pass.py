"""Forget and retain examples in one forward pass, against two; the loss is gradient difference's.

python benchmarks/shared_pass.py --data ../shared/data --out benchmarks/results/shared_pass.json
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import torch
from alternating import alternate, machine
from real_questions import load, parser

from unharness.cli.run import calm_libraries
from unharness.data.batches import TokenBatch, collate
from unharness.data.encoding import Encoded
from unharness.training.likelihood import sequence_nll

BATCH = 16
Pair = tuple[Sequence[Encoded], Sequence[Encoded]]


def two_passes(model: Any, batch: Callable[[Sequence[Encoded]], TokenBatch], pair: Pair) -> None:
    """Leave the gradient of − NLL(forget) + NLL(retain), a pass each."""
    forget, retain = pair
    torch.autograd.backward(-sequence_nll(model, batch(forget)).mean())
    torch.autograd.backward(sequence_nll(model, batch(retain)).mean())


def one_pass(model: Any, batch: Callable[[Sequence[Encoded]], TokenBatch], pair: Pair) -> None:
    """Leave the same gradient from one pass over both, padded to the longest of them."""
    forget, retain = pair
    values = sequence_nll(model, batch([*forget, *retain]))
    torch.autograd.backward(values[len(forget) :].mean() - values[: len(forget)].mean())


def main() -> None:
    """Time both, and write the ratio."""
    words = parser(__doc__)
    words.add_argument("--steps", type=int, default=2)
    options = words.parse_args()
    found: dict[str, Any] = {"model": options.model, "task": options.task, "machine": machine()}
    for tuning in ("full", "lora"):
        subject = load(options, tuning)
        pad, device = subject.tokenizer.pad_token_id, subject.model.device

        def batch(rows: Sequence[Encoded], pad: int = pad, device: Any = device) -> TokenBatch:
            return collate(rows, pad).to(device)

        size = BATCH * options.steps
        forget = sorted(subject.encoded("forget")[:size], key=lambda row: len(row.input_ids))
        retain = sorted(subject.encoded("retain")[:size], key=lambda row: len(row.input_ids))
        pairs = [
            (forget[at : at + BATCH], retain[at : at + BATCH])
            for at in range(0, min(len(forget), len(retain)), BATCH)
        ]

        def run(
            way: Callable[..., None],
            model: Any = subject.model,
            pairs: Sequence[Pair] = pairs,
            batch: Callable[[Sequence[Encoded]], TokenBatch] = batch,
        ) -> None:
            for pair in pairs:
                way(model, batch, pair)
                model.zero_grad(set_to_none=True)
            if torch.cuda.is_available():
                torch.cuda.synchronize()

        arms = {"two passes": lambda: run(two_passes), "one pass": lambda: run(one_pass)}
        found[tuning] = alternate(arms, options.rounds)
        print(tuning, json.dumps(found[tuning]), flush=True)
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    calm_libraries(False)
    main()
