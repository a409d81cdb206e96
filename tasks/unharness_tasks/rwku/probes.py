"""RWKU's questions: how they are put, and copies of a row as one example with a weight."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from unharness import DataRow, Example

BLANK = "___"
_BLANKS = re.compile(r"_{2,}|\.{4,}|\[\s*blank\s*\]", re.IGNORECASE)
COMPLETE = "Please complete the blank in the following sentence."
ANSWER = "Please answer the following question briefly."
OPEN_ENDED = "affirmative suffix"
"""Questions of this type end as the answer is to begin: nothing follows them."""
IN_CONTEXT = "incontext learning"
"""Questions of this type bring the words Question and Answer themselves."""


def probe_prompt(query: str, kind: str) -> str:
    """Return what the model is asked, in our own words after RWKU's protocol.

    Args:
        query: the row's.
        kind: its `type`. A cloze without a blank is asked as a question: RWKU has 92 rows whose
            blank is marked otherwise, or which are questions.
    """
    whole = _BLANKS.sub(BLANK, query.strip())
    if kind == "cloze" and BLANK in whole:
        return f"{COMPLETE}\nQuestion: {whole}\nAnswer:"
    if kind == OPEN_ENDED:
        return f"{ANSWER}\nQuestion: {query.strip()}"
    asked = query.strip() if kind == IN_CONTEXT else f"Question: {query.strip()}"
    return f"{ANSWER}\n{asked}\nAnswer:"


def probe_example(row: DataRow, part: str, group: str) -> Example:
    """Return the example of a probe's row."""
    kind, level = row.text("type"), row.text("level")
    meta = {"subject": row.text("subject"), "type": kind, "level": level}
    if neighbour := row.optional_text("neighbor"):
        meta["neighbor"] = neighbour
    prompt = probe_prompt(row.text("query"), kind)
    return Example(f"{part}/{row.index:05d}", prompt, row.text("answer"), group, meta=meta)


def text_example(row: DataRow, part: str, group: str) -> Example:
    """Return the example of a text's row."""
    meta = {"subject": row.text("subject")}
    return Example(f"{part}/{row.index:05d}", "", row.text("text"), group, meta=meta)


def weighted(examples: Iterable[Example]) -> list[Example]:
    """Return each question and answer once, with the number of its copies as weight."""
    return _merged(examples, lambda one, other: one.weight + other.weight)


def once(examples: Iterable[Example]) -> list[Example]:
    """Return each question and answer once: what is learned needs no copies."""
    return _merged(examples, lambda one, other: one.weight)


def _merged(
    examples: Iterable[Example], weight: Callable[[Example, Example], float]
) -> list[Example]:
    found: dict[tuple[str, str], Example] = {}
    for one in examples:
        key = (one.prompt.strip(), one.answer.strip())
        first = found.get(key)
        found[key] = one if first is None else replace(first, weight=weight(first, one))
    return list(found.values())
