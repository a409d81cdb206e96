"""Forget and retain examples in one forward pass, against two; the loss is gradient difference's.

python benchmarks/shared_pass.py --data ../shared/data --out benchmarks/results/shared_pass.json
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from alternating import alternate
from real_questions import Subject, by_tuning, parser

from unharness.cli.run import calm_libraries
from unharness.data.batches import TokenBatch, collate
from unharness.data.encoding import Encoded
from unharness.training.likelihood import sequence_nll

BATCH = 16
Pair = tuple[Sequence[Encoded], Sequence[Encoded]]
Collate = Callable[[Sequence[Encoded]], TokenBatch]
Way = Callable[[Any, Collate, Pair], None]


def two_passes(model: Any, batch: Collate, pair: Pair) -> None:
    """Leave the gradient of − NLL(forget) + NLL(retain), a pass each."""
    forget, retain = pair
    torch.autograd.backward(-sequence_nll(model, batch(forget)).mean())
    torch.autograd.backward(sequence_nll(model, batch(retain)).mean())


def one_pass(model: Any, batch: Collate, pair: Pair) -> None:
    """Leave the same gradient from one pass over both, padded to the longest of them."""
    forget, retain = pair
    values = sequence_nll(model, batch([*forget, *retain]))
    torch.autograd.backward(values[len(forget) :].mean() - values[: len(forget)].mean())


def figures(subject: Subject, steps: int, rounds: int) -> dict[str, Any]:
    """Return the seconds of both ways over the same examples, and their ratio."""
    model, pad = subject.model, subject.tokenizer.pad_token_id
    size = BATCH * steps
    forget = sorted(subject.encoded("forget")[:size], key=lambda row: len(row.input_ids))
    retain = sorted(subject.encoded("retain")[:size], key=lambda row: len(row.input_ids))
    pairs = [
        (forget[at : at + BATCH], retain[at : at + BATCH])
        for at in range(0, min(len(forget), len(retain)), BATCH)
    ]

    def run(way: Way) -> None:
        for pair in pairs:
            way(model, lambda rows: collate(rows, pad).to(model.device), pair)
            model.zero_grad(set_to_none=True)
        if torch.cuda.is_available():
            torch.cuda.synchronize()

    arms = {"two passes": lambda: run(two_passes), "one pass": lambda: run(one_pass)}
    return alternate(arms, rounds)


def main() -> None:
    """Time both for full tuning and LoRA, and write the ratios."""
    words = parser(__doc__)
    words.add_argument("--steps", type=int, default=2)
    options = words.parse_args()
    by_tuning(options, lambda subject: figures(subject, options.steps, options.rounds))


if __name__ == "__main__":
    calm_libraries(False)
    main()
