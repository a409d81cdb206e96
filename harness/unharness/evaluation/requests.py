"""What a metric asks to be observed: requests, each answered by the observer that it names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from unharness.errors import UsageError, suggestion
from unharness.reference_rows import REFERENCE_ROWS, ReferenceRow

PROMPT, ANSWER = "prompt", "answer"
"""An example's own question and answer; other names are kinds of its variants."""


@dataclass(frozen=True)
class Observation:
    """A request to observe a split. Derive a frozen dataclass from it; its fields are JSON values.

    Requests are equal if their fields are, and equal requests are observed once.
    """

    observer: ClassVar[str]
    """Name of the observer that answers it."""
    of_text: ClassVar[bool] = False
    """Whether it is of what the model generates: it is asked last, and only of splits for which
    text is generated."""

    def parts(self) -> Sequence[Observation]:
        """Return the requests that are observed and stored in its place; the default: itself."""
        return (self,)

    def facts(self) -> dict[str, Any]:
        """Return the observer's name and the fields, as JSON values."""
        return {"observer": self.observer, **json.loads(json.dumps(asdict(self)))}

    def key(self) -> str:
        """Return a short name that no other request has, fit for a file."""
        text = json.dumps(self.facts(), sort_keys=True)
        return f"{self.observer}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


@dataclass(frozen=True)
class Likelihood(Observation):
    """Token scores of answers under teacher forcing, for every pair of prompt and answer kind."""

    observer: ClassVar[str] = "likelihood"
    prompts: tuple[str, ...] = (PROMPT,)
    """`prompt` is the example's own question; else kinds of `Example.prompts`."""
    answers: tuple[str, ...] = (ANSWER,)
    """`answer` is the example's own answer; else kinds of `Example.alternatives`."""

    def parts(self) -> Sequence[Likelihood]:
        """Return a request for each pair of kinds, so that each pair is observed once."""
        return tuple(
            Likelihood((prompt,), (answer,)) for prompt in self.prompts for answer in self.answers
        )


@dataclass(frozen=True)
class Paired(Observation):
    """How far a model's predictions are from those of another one, token by token.

    At every token of the answer, under teacher forcing: KL(other ‖ model) over the vocabulary.

    Raises:
        UsageError: there is no such model.
    """

    observer: ClassVar[str] = "paired"
    with_: ReferenceRow = "retrained"
    """The other model: `base`, `target` or `retrained`. It is never trained for this: where it is
    not in the cache, nothing is observed."""
    prompts: tuple[str, ...] = (PROMPT,)
    answers: tuple[str, ...] = (ANSWER,)
    """Both as in `Likelihood`."""

    def __post_init__(self) -> None:
        if self.with_ not in REFERENCE_ROWS:
            raise UsageError(
                f"unknown reference {self.with_!r}.{suggestion(self.with_, REFERENCE_ROWS)}"
            )

    def parts(self) -> Sequence[Paired]:
        """Return a request for each pair of kinds."""
        return tuple(
            Paired(self.with_, (prompt,), (answer,))
            for prompt in self.prompts
            for answer in self.answers
        )


@dataclass(frozen=True)
class Generated(Observation):
    """Texts that continue the prompt.

    Raises:
        UsageError: there is no sample, or several greedy ones, which would all be the same.
    """

    observer: ClassVar[str] = "generation"
    of_text: ClassVar[bool] = True
    samples: int = 1
    temperature: float | None = None
    """None: greedy for a single sample, 1 for several."""

    def __post_init__(self) -> None:
        if self.temperature is None:
            object.__setattr__(self, "temperature", 0.0 if self.samples == 1 else 1.0)
        if self.samples < 1 or (self.temperature or 0.0) < 0.0:
            raise UsageError(f"{self}: expected samples >= 1 and temperature >= 0")
        if self.samples > 1 and not self.temperature:
            raise UsageError(f"{self}: several samples need a temperature above 0")


@dataclass(frozen=True)
class Choices(Observation):
    """The likelihood of each of an example's choices as the answer."""

    observer: ClassVar[str] = "choices"
