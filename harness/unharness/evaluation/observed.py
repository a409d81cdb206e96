"""What was observed of one split for one request, in memory and on disk alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy

PER_TOKEN = ("log_probs", "hits", "means", "variances")


@dataclass(frozen=True, slots=True)
class TokenScores:
    """The teacher-forced scores of one answer; every sequence has one entry a token."""

    log_probs: tuple[float, ...]
    """log P(token | the true tokens before it), nats."""
    hits: tuple[bool, ...]
    """Whether the most likely token is the true one."""
    means: tuple[float, ...]
    """Mean over the vocabulary of the log-probabilities at that position, under the model."""
    variances: tuple[float, ...]
    """Variance of the same."""
    argmax_text: str
    """The most likely tokens, decoded."""
    answer_text: str
    """The true tokens, decoded: the answer as far as it was scored."""
    truncated: bool
    """Whether the answer goes on beyond the maximum length."""


TokenRows = Sequence[Sequence[TokenScores | None]]
"""By example, one entry a variant; None where not a single token could be scored."""


@dataclass(frozen=True)
class Observed:
    """What an observer gives for one split and request: arrays, and texts as JSON values.

    Numbers go into `arrays`, which are stored without pickle; what may quote the data goes into
    `texts`.
    """

    arrays: Mapping[str, numpy.ndarray] = field(default_factory=dict)
    texts: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    @classmethod
    def of_tokens(cls, rows: TokenRows) -> Observed:
        """Return token scores, by example and variant, in the form that is stored."""
        import numpy

        flat = [(at, row) for at, variants in enumerate(rows) for row in variants]
        scored = [row for _, row in flat if row is not None]
        arrays: dict[str, numpy.ndarray] = {
            "examples": numpy.array([len(rows)], dtype=numpy.int32),
            "example": numpy.array([at for at, _ in flat], dtype=numpy.int32),
            "tokens": numpy.array(
                [len(row.hits) if row else 0 for _, row in flat], dtype=numpy.int32
            ),
            "truncated": numpy.array([row is None or row.truncated for _, row in flat], dtype=bool),
        }
        for name in PER_TOKEN:
            values = [value for row in scored for value in getattr(row, name)]
            kind = bool if name == "hits" else numpy.float64
            arrays[name] = numpy.array(values, dtype=kind)
        texts = {
            "argmax": [row.argmax_text if row else None for _, row in flat],
            "answer": [row.answer_text if row else None for _, row in flat],
        }
        return cls(arrays, texts)

    @cached_property
    def tokens(self) -> TokenRows:
        """The token scores, by example and variant."""
        found: list[list[TokenScores | None]] = [[] for _ in range(int(self.arrays["examples"][0]))]
        examples = self.arrays["example"].tolist()
        for example, row in zip(examples, self._rows(), strict=True):
            found[example].append(row)
        return found

    @property
    def is_empty(self) -> bool:
        """Whether no example had what was asked for."""
        return not any(map(len, [*self.arrays.values(), *self.texts.values()])) or (
            "example" in self.arrays and not len(self.arrays["example"])
        )

    def _rows(self) -> Iterator[TokenScores | None]:
        columns = {name: self.arrays[name].tolist() for name in PER_TOKEN}
        start = 0
        for count, truncated, best, answer in zip(
            self.arrays["tokens"].tolist(),
            self.arrays["truncated"].tolist(),
            self.texts["argmax"],
            self.texts["answer"],
            strict=True,
        ):
            part = slice(start, start + count)
            start += count
            values = {name: tuple(column[part]) for name, column in columns.items()}
            yield (
                TokenScores(**values, argmax_text=best, answer_text=answer, truncated=truncated)
                if count
                else None
            )
