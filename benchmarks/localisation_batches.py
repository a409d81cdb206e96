"""MemFlex's localisation in batches, against one example at a time.

python benchmarks/localisation_batches.py --data ../shared/data --limit 48 \
        --out benchmarks/results/localisation_batches.json
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from alternating import alternate
from real_questions import Subject, by_tuning, parser

from unharness.cli.run import calm_libraries
from unharness_methods.localisation import score_tensors
from unharness_methods.memflex import MemFlex


def localising(subject: Subject, size: int) -> Callable[[], None]:
    """Return a function that scores every tensor, in batches of `size` examples."""
    forget, retain = subject.data.trainable("forget"), subject.data.trainable("retain")

    def run() -> None:
        score_tensors(subject.context(), forget, retain, draws=1, replaced=None, batch_size=size)

    return run


def figures(subject: Subject, size: int, rounds: int) -> dict[str, Any]:
    """Return the seconds of both ways, and their ratio."""
    arms = {"one at a time": localising(subject, 1), "batches": localising(subject, size)}
    splits = [*subject.data.trainable("forget"), *subject.data.trainable("retain")]
    return {"examples": sum(len(one.examples) for one in splits)} | alternate(arms, rounds)


def main() -> None:
    """Time both for full tuning and LoRA, and write the ratios."""
    words = parser(__doc__)
    own = MemFlex.Config().localise_batch_size
    words.add_argument("--batch-size", type=int, default=own, help="MemFlex's own by default")
    options = words.parse_args()
    by_tuning(options, lambda subject: figures(subject, options.batch_size, options.rounds))


if __name__ == "__main__":
    calm_libraries(False)
    main()
