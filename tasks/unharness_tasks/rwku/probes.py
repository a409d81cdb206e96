"""RWKU's questions and texts, and how they are put."""

from __future__ import annotations

import re

from unharness import DataRow, Example
from unharness_tasks.answers import evaluated_answer

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
    answer = evaluated_answer(row, "answer")
    return Example(f"{part}/{row.index:05d}", prompt, answer, group, meta=meta)


def text_example(row: DataRow, part: str, group: str) -> Example:
    """Return the example of a text's row."""
    meta = {"subject": row.text("subject")}
    return Example(f"{part}/{row.index:05d}", "", row.text("text"), group, meta=meta)
