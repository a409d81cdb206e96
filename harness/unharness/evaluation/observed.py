"""What was observed of one split for one request, in memory and on disk alike."""

from __future__ import annotations

import json
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
    """Whether the answer is longer than the maximum length."""
    leading_blanks: int | None = None
    """How many tokens stand before the first that is more than white space: those of the plain
    template's blank line. None where an older version observed it."""


TokenRows = Sequence[Sequence[TokenScores | None]]
"""By example, one entry a variant; None where not a single token could be scored."""
SequenceRows = Sequence[Sequence[Sequence[float] | None]]
"""By example, one entry a variant: a number a token; None where there is none."""


@dataclass(frozen=True)
class Observed:
    """What an observer gives for one split and request: arrays, and texts as JSON values.

    Numbers go into `arrays`, which are stored without pickle; what may quote the data goes into
    `texts`.
    """

    arrays: Mapping[str, numpy.ndarray] = field(default_factory=dict)
    texts: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    reason: str = ""
    """Why nothing was observed; the columns that need it have no value and say so."""
    faulty: bool = False
    """Set by unharness, where the observer raised or gave nothing that can be stored; `reason`
    names its plugin."""

    @classmethod
    def missing(cls, reason: str) -> Observed:
        """Return that nothing was observed, and why, in one line."""
        return cls(reason=reason)

    @classmethod
    def of_sequences(cls, name: str, rows: SequenceRows) -> Observed:
        """Return one sequence of numbers a variant in the form that is stored.

        Args:
            name: of the array that holds the numbers, one after another.
            rows: by example, one entry a variant; None where there is none.
        """
        import numpy

        flat = [row for variants in rows for row in variants]
        values = [value for row in flat if row is not None for value in row]
        return cls(_layout(rows, [len(row or ()) for row in flat]) | {name: numpy.array(values)})

    def sequences(self, name: str) -> SequenceRows:
        """Return what `of_sequences` was given."""
        found: list[list[tuple[float, ...] | None]]
        found = [[] for _ in range(int(self.arrays["examples"][0]))]
        values = self.arrays[name].tolist()
        start = 0
        lengths = self.arrays["tokens"].tolist()
        for example, length in zip(self.arrays["example"].tolist(), lengths, strict=True):
            found[example].append(tuple(values[start : start + length]) if length else None)
            start += length
        return found

    @classmethod
    def of_tokens(cls, rows: TokenRows) -> Observed:
        """Return token scores, by example and variant, in the form that is stored."""
        import numpy

        flat = [row for variants in rows for row in variants]
        scored = [row for row in flat if row is not None]
        arrays = _layout(rows, [len(row.hits) if row else 0 for row in flat])
        arrays["truncated"] = numpy.array(
            [row is None or row.truncated for row in flat], dtype=bool
        )
        blanks = [-1 if row is None else row.leading_blanks for row in flat]
        if None not in blanks:
            arrays["leading_blanks"] = numpy.array(blanks, dtype=numpy.int32)
        for name in PER_TOKEN:
            values = [value for row in scored for value in getattr(row, name)]
            kind = bool if name == "hits" else numpy.float64
            arrays[name] = numpy.array(values, dtype=kind)
        texts = {
            "argmax": [row.argmax_text if row else None for row in flat],
            "answer": [row.answer_text if row else None for row in flat],
        }
        return cls(arrays, texts)

    def check_storable(self) -> None:
        """Check that all can be stored.

        Raises:
            TypeError, ValueError: an array is none or holds objects, or a text is no JSON value.
        """
        import numpy

        for name, array in self.arrays.items():
            if not isinstance(array, numpy.ndarray):
                raise TypeError(f"array {name!r} is {type(array).__name__}, not a numpy array")
            if array.dtype.hasobject:
                raise ValueError(f"array {name!r} holds objects; expected numbers")
        for name, values in self.texts.items():
            try:
                json.dumps(list(values), allow_nan=False)
            except (TypeError, ValueError) as error:
                raise ValueError(f"text {name!r} is no JSON value ({error})") from error

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
        counts = self.arrays["tokens"].tolist()
        blanks = self.arrays.get("leading_blanks")
        start = 0
        for count, truncated, blank, best, answer in zip(
            counts,
            self.arrays["truncated"].tolist(),
            [None] * len(counts) if blanks is None else blanks.tolist(),
            self.texts["argmax"],
            self.texts["answer"],
            strict=True,
        ):
            part = slice(start, start + count)
            start += count
            values = {name: tuple(column[part]) for name, column in columns.items()}
            yield (
                TokenScores(
                    **values,
                    argmax_text=best,
                    answer_text=answer,
                    truncated=truncated,
                    leading_blanks=blank,
                )
                if count
                else None
            )


def _layout(rows: Sequence[Sequence[Any]], lengths: Sequence[int]) -> dict[str, numpy.ndarray]:
    """Return to which example every variant belongs, and how many tokens each has."""
    import numpy

    examples = [at for at, variants in enumerate(rows) for _ in variants]
    return {
        "examples": numpy.array([len(rows)], dtype=numpy.int32),
        "example": numpy.array(examples, dtype=numpy.int32),
        "tokens": numpy.array(lengths, dtype=numpy.int32),
    }
