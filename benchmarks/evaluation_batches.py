"""Scoring and generating in batches, against one question at a time, on the task's questions.

python benchmarks/evaluation_batches.py --data ../shared/data \
        --out benchmarks/results/evaluation_batches.json
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from alternating import alternate, machine
from real_questions import MAX_LENGTH, Subject, load, parser, write

from unharness.cli.run import calm_libraries
from unharness.data.examples import Example
from unharness.data.templates import CHAT, prompt_text
from unharness.engines.engine import Sampling
from unharness.engines.hf import HfEngine
from unharness.evaluation.token_scoring import BATCH_SIZE, score_tokens
from unharness.models.weights import WeightsRef


def scoring(subject: Subject, asked: list[Example], size: int) -> Callable[[], None]:
    """Return a function that scores every answer, in batches of `size`."""

    def run() -> None:
        score_tokens(
            subject.model,
            subject.tokenizer,
            asked,
            max_length=MAX_LENGTH,
            template=subject.template,
            batch_size=size,
        )

    return run


def generating(
    subject: Subject, asked: list[Example], size: int, length: int
) -> Callable[[], None]:
    """Return a function that answers every question, in batches of `size`."""
    texts = [prompt_text(row.prompt, subject.template, subject.tokenizer) for row in asked]
    how = Sampling(length, special_tokens=subject.template != CHAT)

    def run() -> None:
        engine = HfEngine(HfEngine.Options(batch_size=size))
        engine.load(WeightsRef(subject.model, subject.tokenizer))
        engine.generate(texts, how)

    return run


def main() -> None:
    """Time both, and write the ratios."""
    words = parser(__doc__)
    words.add_argument("--max-new-tokens", type=int, default=48)
    options = words.parse_args()
    subject = load(options)
    asked = [row for split in subject.data.evaluated() for row in split.examples]
    found: dict[str, Any] = {
        "model": options.model,
        "task": options.task,
        "questions": len(asked),
        "max_new_tokens": options.max_new_tokens,
        "machine": machine(),
    }
    found["likelihood"] = alternate(
        {
            "one at a time": scoring(subject, asked, 1),
            "batches": scoring(subject, asked, BATCH_SIZE),
        },
        options.rounds,
    )
    print("likelihood", json.dumps(found["likelihood"]), flush=True)
    length = options.max_new_tokens
    default = HfEngine.Options().batch_size
    found["text"] = alternate(
        {
            "one at a time": generating(subject, asked, 1, length),
            "batches": generating(subject, asked, default, length),
        },
        options.rounds,
    )
    print("text", json.dumps(found["text"]), flush=True)
    write(options, found)


if __name__ == "__main__":
    calm_libraries(False)
    main()
