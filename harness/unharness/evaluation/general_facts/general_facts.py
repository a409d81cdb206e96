"""The bundled facts as a dataset; lm-eval loads this file by its path."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from unharness.data.general import general_facts


def dataset(**_: Any) -> dict[str, Any]:
    """Return the split `test`: question, choices, answer and subject."""
    import datasets

    rows = [asdict(fact) | {"choices": list(fact.choices)} for fact in general_facts()]
    return {"test": datasets.Dataset.from_list(rows)}
