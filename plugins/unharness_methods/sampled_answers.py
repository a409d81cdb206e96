"""Answers that the target model itself makes up, for losses that prefer them to the true ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from unharness import Example, MethodError, Split, UnlearnContext

ROUNDS = 4
"""How often is asked for those that are still missing, each time at a higher temperature."""


@dataclass
class Asked:
    """How the target is asked."""

    instruction: str
    """With `{question}` where the question stands."""
    count: int
    """Answers for every example, at most."""
    temperature: float
    max_new_tokens: int
    refused: Callable[[Example, str], bool]
    """Whether an answer to an example is of no use."""
    stops: Sequence[str] = ("\nQuestion:", "\nQ:", "\n\n")
    """Texts that an answer ends before."""
    fallback: Callable[[Example], str] | None = None
    """The answer of an example for which none was of use; None: that is an error."""
    purpose: str = "sampled answers"


@dataclass
class Sampled:
    """What came of it."""

    texts: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    """By split, then by example: at least one answer each."""
    refused: int = 0
    """Answers that were of no use."""
    without: int = 0
    """Examples that got the fallback."""
    rounds: int = 0

    def report(self) -> dict[str, object]:
        """Return what the record says of it; the texts as their hash."""
        import hashlib
        import json

        digest = hashlib.sha256(json.dumps(self.texts, sort_keys=True).encode()).hexdigest()
        count = sum(len(one) for rows in self.texts.values() for one in rows.values())
        return {
            "answers": count,
            "refused": self.refused,
            "examples_without": self.without,
            "rounds": self.rounds,
            "sha256": digest,
        }


def sampled_answers(context: UnlearnContext, splits: Sequence[Split], asked: Asked) -> Sampled:
    """Let the target answer every question of some splits several times.

    Raises:
        MethodError: none of an example's answers is of use, and there is no fallback.
    """
    rows = [(split.name, row) for split in splits for row in split.examples]
    found: list[list[str]] = [[] for _ in rows]
    result = Sampled(texts={split.name: {} for split in splits})
    missing = list(range(len(rows)))
    for number in range(ROUNDS):
        if not missing:
            break
        result.rounds += 1
        indices = [index for index in missing for _ in range(asked.count)]
        questions = [asked.instruction.format(question=rows[index][1].prompt) for index in indices]
        answers = context.generate(
            questions,
            asked.max_new_tokens,
            temperature=asked.temperature * (1 + number / 2),
            purpose=f"{asked.purpose}, round {number + 1}",
        )
        for index, text in zip(indices, answers, strict=True):
            answer = cut(text, asked.stops)
            if not answer or asked.refused(rows[index][1], answer):
                result.refused += 1
            elif answer not in found[index]:
                found[index].append(answer)
        missing = [index for index in missing if not found[index]]
        context.progress(len(rows) - len(missing), len(rows))
    for (split, row), answers in zip(rows, found, strict=True):
        if not answers:
            result.without += 1
            answers = [_fallback(row, asked)]
        result.texts[split][row.id] = tuple(answers)
    return result


def cut(text: str, stops: Sequence[str]) -> str:
    """Return a text up to the first of some stops, without spaces around it."""
    text = text.strip()
    for stop in stops:
        text = text.partition(stop)[0]
    return text.strip()


def normalised(text: str) -> str:
    """Return a text in lower case, with single spaces and without punctuation at its ends."""
    return " ".join(text.lower().split()).strip(" .,;:!?\"'")


def _fallback(row: Example, asked: Asked) -> str:
    if asked.fallback is None:
        raise MethodError(
            f"example {row.id!r}: none of {ROUNDS * asked.count} sampled answers was of use; a "
            "higher temperature or more alternatives may help"
        )
    return asked.fallback(row)
