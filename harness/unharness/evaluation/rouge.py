"""ROUGE-L: the longest common subsequence of words."""

from __future__ import annotations

from functools import lru_cache
from typing import Any


@lru_cache(maxsize=1)
def _scorer() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"], use_stemmer=False)


def rouge_l_f1(expected: str, text: str) -> float:
    """Return the ROUGE-L F1 of a text against the expected one, in % (Lin 2004)."""
    return 100.0 * float(_scorer().score(expected, text)["rougeL"].fmeasure)
