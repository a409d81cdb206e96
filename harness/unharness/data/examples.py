"""Examples, and the splits that they stand in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from unharness.errors import DataError

Role = Literal["forget", "retain", "holdout", "utility", "general", "demonstrations"]
Kind = Literal["qa", "completion", "text", "choice"]
Variants = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Example:
    """One fact as a question and its answer, or one text.

    Raises:
        DataError: `gold` names no choice, or `weight` is not above 0.
    """

    id: str
    """Stable across sources, so that records can be compared example by example."""
    prompt: str
    """Empty for raw text."""
    answer: str
    """What the target model has learned."""
    group: str = ""
    """Author, person or document: never split between train and test, and resampled as one."""
    alternatives: Variants = field(default_factory=dict)
    """Other answers by kind: `paraphrase` (right), `perturbed` (wrong), `refusal` and so on."""
    prompts: Variants = field(default_factory=dict)
    """Other questions by kind: `paraphrase`, `jailbreak`, a language and so on."""
    choices: tuple[str, ...] = ()
    gold: int | None = None
    """Index of the right choice."""
    weight: float = 1.0
    """Weight in means over examples."""
    meta: Mapping[str, Any] = field(default_factory=dict)
    """JSON values; all of it is in the content hash."""

    def __post_init__(self) -> None:
        if self.gold is not None and not 0 <= self.gold < len(self.choices):
            raise DataError(
                f"{self.id}: gold is {self.gold}, and there are {len(self.choices)} choices"
            )
        if not self.weight > 0:
            raise DataError(f"{self.id}: weight is {self.weight}; expected a number above 0")

    def content(self) -> dict[str, Any]:
        """Return everything but the id as JSON values; fields at their defaults are left out."""
        parts: dict[str, Any] = {"prompt": self.prompt, "answer": self.answer}
        others = {
            "group": self.group,
            "alternatives": {name: list(texts) for name, texts in self.alternatives.items()},
            "prompts": {name: list(texts) for name, texts in self.prompts.items()},
            "choices": list(self.choices),
            "gold": self.gold,
            "weight": None if self.weight == 1.0 else self.weight,
            "meta": dict(self.meta),
        }
        return parts | {name: value for name, value in others.items() if value not in ("", None)}

    def stripped(self, alternatives: Iterable[str] = (), prompts: Iterable[str] = ()) -> Example:
        """Return the example with those variants of its answer and question alone."""
        return replace(
            self,
            alternatives={k: v for k, v in self.alternatives.items() if k in set(alternatives)},
            prompts={k: v for k, v in self.prompts.items() if k in set(prompts)},
        )


@dataclass(frozen=True)
class Generation:
    """How text is generated for a split."""

    max_new_tokens: int | None = None
    """None: as many as the user or the task says."""
    stops: tuple[str, ...] = ()
    """Generated text ends before the first of these."""


@dataclass(frozen=True)
class Split:
    """A named set of examples, and what may be done with it.

    Raises:
        DataError: the role or the kind is unknown.
    """

    name: str
    role: Role
    kind: Kind = "qa"
    learned: bool = True
    """Whether the target model is trained on it."""
    trainable: bool = True
    """Whether a method may read it."""
    evaluated: bool = True
    examples: tuple[Example, ...] = ()
    template: str | None = None
    """How prompt and answer are joined; None: the task's template, else the model's."""
    generation: Generation | None = Generation()
    """None: no text is generated for it."""

    def __post_init__(self) -> None:
        for value, allowed, what in (
            (self.role, get_args(Role), "role"),
            (self.kind, get_args(Kind), "kind"),
        ):
            if value not in allowed:
                raise DataError(
                    f"split {self.name!r}: unknown {what} {value!r}; one of {', '.join(allowed)}"
                )

    def __len__(self) -> int:
        return len(self.examples)

    def with_examples(self, examples: Iterable[Example]) -> Split:
        """Return the split with other examples."""
        return replace(self, examples=tuple(examples))

    def learned_hash(self) -> str:
        """Return the SHA-256 of what is learned from it: kind, template, questions, answers."""
        return content_hash(self.examples, f"{self.kind} {self.template or ''}")

    def content_hash(self) -> str:
        """Return the SHA-256 of everything in it but the examples' ids."""
        digest = hashlib.sha256(self.learned_hash().encode())
        digest.update(f"{self.role} {self.learned} {self.trainable} {self.evaluated}".encode())
        for row in self.examples:
            digest.update(json.dumps(row.content(), sort_keys=True).encode() + b"\n")
        return digest.hexdigest()


def content_hash(rows: Sequence[Example], header: str = "") -> str:
    """Return the SHA-256 of questions and answers, in their order."""
    digest = hashlib.sha256(header.encode())
    for row in rows:
        digest.update(json.dumps([row.prompt, row.answer], ensure_ascii=True).encode())
        digest.update(b"\n")
    return digest.hexdigest()
