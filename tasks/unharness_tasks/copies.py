"""Rows that a file repeats, as one example."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from unharness import Example

__all__ = ["content", "once", "weighted"]


def weighted(examples: Iterable[Example]) -> list[Example]:
    """Return each question and answer once, with the number of its copies as weight."""
    return _merged(examples, lambda one, other: one.weight + other.weight)


def once(examples: Iterable[Example]) -> list[Example]:
    """Return each question and answer once: what is learned needs no copies."""
    return _merged(examples, lambda one, other: one.weight)


def content(example: Example) -> tuple[str, str]:
    """Return what makes two examples copies of each other."""
    return example.prompt.strip(), example.answer.strip()


def _merged(
    examples: Iterable[Example], weight: Callable[[Example, Example], float]
) -> list[Example]:
    found: dict[tuple[str, str], Example] = {}
    for one in examples:
        key = content(one)
        first = found.get(key)
        found[key] = one if first is None else replace(first, weight=weight(first, one))
    return list(found.values())
