"""The bundled facts as a dataset; lm-eval loads this file by its path."""

from __future__ import annotations

from typing import Any

from unharness.data.general import asked_facts


def dataset(**_: Any) -> dict[str, Any]:
    """Return the split `test`: question, choices, the right one's number and text, subject."""
    import datasets

    rows = [
        {
            "question": fact.question,
            "choices": list(fact.choices),
            "answer": fact.answer,
            "right": fact.right,
            "subject": fact.subject,
        }
        for fact in asked_facts()
    ]
    return {"test": datasets.Dataset.from_list(rows)}
