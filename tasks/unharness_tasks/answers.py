"""Answers that a file may leave empty."""

from __future__ import annotations

from unharness import DataRow


def evaluated_answer(row: DataRow, key: str) -> str:
    """Return an answer that is evaluated; empty where the row's is, or is null.

    An empty one is not scored, and counted; where it is trained on, nothing is learned from it.

    Raises:
        DataError: the row has no such key, or its value is no text, or blank.
    """
    return row.optional_text(key) if key in row.values else row.text(key)
