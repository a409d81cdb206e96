"""MemFlex's localisation in batches, against one example at a time.

python benchmarks/localisation_batches.py --data ../shared/data --limit 48 \
        --out benchmarks/results/localisation_batches.json
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from alternating import alternate, machine
from real_questions import Subject, load, parser

from unharness.cli.run import calm_libraries
from unharness_methods.localisation import score_tensors


def localising(subject: Subject, size: int) -> Callable[[], None]:
    """Return what scores every tensor, so many examples at a time."""
    forget, retain = subject.data.trainable("forget"), subject.data.trainable("retain")

    def run() -> None:
        score_tensors(subject.context(), forget, retain, draws=1, replaced=None, batch_size=size)

    return run


def main() -> None:
    """Time both for full tuning and LoRA, and write the ratios."""
    words = parser(__doc__)
    words.add_argument("--batch-size", type=int, default=16)
    options = words.parse_args()
    found: dict[str, Any] = {"model": options.model, "task": options.task, "machine": machine()}
    for tuning in ("full", "lora"):
        subject = load(options, tuning)
        found[tuning] = alternate(
            {
                "one at a time": localising(subject, 1),
                "batches": localising(subject, options.batch_size),
            },
            options.rounds,
        )
        found[tuning]["examples"] = sum(
            len(split.examples)
            for role in ("forget", "retain")
            for split in subject.data.trainable(role)
        )
        print(tuning, json.dumps(found[tuning]), flush=True)
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    calm_libraries(False)
    main()
