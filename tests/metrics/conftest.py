"""Observations made by hand."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from unharness import Example, Generated, Likelihood, Observed, Seen, Split, TokenScores
from unharness.evaluation.requests import Observation

# reference/METRICS.md, section 12, A: five tokens.
LOG_PROBS = (-0.1, -0.7, -0.05, -2.3, -0.4)
HITS = "x.x.x"
MEANS = (-6.0, -5.5, -7.0, -5.0, -6.5)
VARIANCES = (4.0, 3.24, 5.29, 2.25, 4.41)


def make_row(
    log_probs: Sequence[float] = LOG_PROBS, hits: str = "", blanks: int | None = 0, text: str = ""
) -> TokenScores:
    """One answer's scores; hits such as "x.x": hit, miss, hit."""
    hits = hits or "x" * len(log_probs)
    count = len(hits)
    return TokenScores(
        tuple(log_probs[:count]) + (-1.0,) * (count - len(log_probs)),
        tuple(letter == "x" for letter in hits),
        MEANS[:count] if count <= len(MEANS) else (-5.0,) * count,
        VARIANCES[:count] if count <= len(VARIANCES) else (4.0,) * count,
        text,
        text,
        False,
        blanks,
    )


def make_seen(
    rows: Sequence[TokenScores | None] | dict[str, Sequence[Sequence[TokenScores | None]]],
    name: str = "forget",
    *,
    ids: Sequence[str] = (),
    against: Seen | None = None,
    others: dict[Observation, Observed] | None = None,
) -> Seen:
    """Seen of a split: one own answer an example, or variants by kind of answer."""
    kinds = rows if isinstance(rows, dict) else {"answer": [[row] for row in rows]}
    size = max([len(column) for column in kinds.values()] or [len(ids)])
    names = ids or [str(at) for at in range(size)]
    examples = tuple(Example(one, f"{name} {one}?", "an answer") for one in names)
    observed: dict[Observation, Observed] = {
        Likelihood(answers=(kind,)): Observed.of_tokens(column) for kind, column in kinds.items()
    }
    return Seen(Split(name, "forget", examples=examples), observed | (others or {}), 0, against)


def make_texts(
    *pairs: tuple[str, str],
    samples: Sequence[Sequence[str]] = (),
    request: Generated | None = None,
    alternatives: Sequence[dict[str, tuple[str, ...]]] = (),
) -> Seen:
    """Seen of generated texts: pairs of an answer and a text, or samples by example."""
    others = [*alternatives, *({} for _ in pairs[len(alternatives) :])]
    examples = tuple(
        Example(str(at), "?", answer, alternatives=kinds)
        for at, ((answer, _), kinds) in enumerate(zip(pairs, others, strict=True))
    )
    texts = {"samples": [list(row) for row in samples or [[text] for _, text in pairs]]}
    observed: dict[Observation, Observed] = {request or Generated(): Observed(texts=texts)}
    return Seen(Split("s", "forget", examples=examples), observed)


@pytest.fixture(scope="session")
def texts() -> Callable[..., Seen]:
    return make_texts


@pytest.fixture(scope="session")
def row() -> Callable[..., TokenScores]:
    return make_row


@pytest.fixture(scope="session")
def seen() -> Callable[..., Seen]:
    return make_seen


@pytest.fixture(scope="session")
def oracle() -> TokenScores:
    return make_row(hits=HITS)


@pytest.fixture(scope="session")
def value(seen: Callable[..., Seen]) -> Callable[..., Any]:
    """value(metric, rows) -> its value, of a model without references."""
    return lambda metric, rows: metric.compute(seen(rows), {}).value
