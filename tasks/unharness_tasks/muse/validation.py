"""Splits that tuning works with: other texts are forgotten than those of the evaluation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from unharness import DataError, Example, TaskData

SAMPLE = 100
"""Continuations that are asked for in tuning, at most, of each kind."""


def muse_validation(data: TaskData) -> TaskData:
    """Return the data with retained texts in the place of those to forget.

    At most half of the texts that methods may read to keep, and as many as are to be forgotten. The
    model is asked to continue them, and to continue the texts that are kept unread; none of MUSE's
    own questions is used, and no text that is to be forgotten.

    Raises:
        DataError: there are fewer than two texts to retain.
    """
    forget, retain, unread = (data.splits[name] for name in ("forget", "retain", "retain_unread"))
    if len(retain) < 2:
        raise DataError("one text cannot be split; tuning needs two or more to retain")
    count = min(len(forget), len(retain) // 2)
    chosen, rest = retain.examples[-count:], retain.examples[:-count]
    splits = {
        "forget": forget.with_examples(chosen),
        "retain": retain.with_examples(rest),
        "retain_unread": unread,
        "retain_knowmem": data.splits["retain_knowmem"].with_examples(_halves(unread.examples)),
    }
    asked = "forget_verbmem" if "forget_verbmem" in data.splits else "forget_sample"
    own = _halves(chosen) if asked == "forget_verbmem" else chosen[:SAMPLE]
    splits[asked] = data.splits[asked].with_examples(own)
    what = f"{count} retained texts in place of the forget set for validation"
    return TaskData(splits, replace(data.origin, description=f"{data.origin.description}; {what}"))


def _halves(examples: Iterable[Example]) -> list[Example]:
    """Return the second halves of texts, or of their first 400 words, as continuations."""
    found = []
    for row in list(examples)[:SAMPLE]:
        words = row.answer.split()[:400]
        middle = max(1, len(words) // 2)
        found.append(
            Example(f"{row.id}/half", " ".join(words[:middle]), f" {' '.join(words[middle:])}")
        )
    return found
