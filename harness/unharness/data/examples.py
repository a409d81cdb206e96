"""The questions and answers that a task works on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from unharness.errors import DataError

FORGET_TRAIN, FORGET_EVAL = "forget_train", "forget_eval"
RETAIN_TRAIN, RETAIN_EVAL = "retain_train", "retain_eval"
GENERAL = "general"
"""Text that has nothing to do with the task, where there is some."""
REQUIRED_SPLITS = (FORGET_TRAIN, FORGET_EVAL, RETAIN_TRAIN, RETAIN_EVAL)


@dataclass(frozen=True, slots=True)
class Example:
    """One question and the answer the target model knows to it."""

    prompt: str
    answer: str
    id: str
    meta: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DataOrigin:
    """Where a task's data came from."""

    source: str
    """`path`, `cache`, `hub` or `standin`."""
    description: str
    """In words: the folder, the hub's dataset, the generator and its seed."""
    files: Mapping[str, str] = field(default_factory=dict)
    """Split to file, where there are files; for messages."""
    revision: str = ""
    """The commit of the hub's dataset, where it came from there."""
    fallback: str = ""
    """Why it is the stand-in, where nobody asked for the stand-in."""

    def standin_note(self) -> str:
        """Return what the user must hear of stand-in data, and why it is used; else nothing."""
        if self.source != "standin":
            return ""
        why = f"{self.fallback}, so this is " if self.fallback else ""
        return (
            f"data: {why}{self.description}. These are not the paper's data; "
            "give --data FOLDER or --data hub for those"
        )


@dataclass(frozen=True)
class TaskData:
    """Named splits of examples; an unlearning task has at least the four of REQUIRED_SPLITS.

    Raises:
        DataError: a required split is missing or empty, or an example stands twice, or in both
            the forget and the retain set.
    """

    splits: Mapping[str, tuple[Example, ...]]
    origin: DataOrigin

    def __post_init__(self) -> None:
        for name in REQUIRED_SPLITS:
            if not self.splits.get(name):
                raise DataError(f"{self._place(name)}: no examples; expected at least one")
        self._refuse_repeats()

    @property
    def forget_train(self) -> tuple[Example, ...]:
        """What a method is given to forget."""
        return self.splits[FORGET_TRAIN]

    @property
    def forget_eval(self) -> tuple[Example, ...]:
        """What shows whether it was forgotten."""
        return self.splits[FORGET_EVAL]

    @property
    def retain_train(self) -> tuple[Example, ...]:
        """What a method may use to keep the rest."""
        return self.splits[RETAIN_TRAIN]

    @property
    def retain_eval(self) -> tuple[Example, ...]:
        """What shows whether the rest was kept."""
        return self.splits[RETAIN_EVAL]

    def joined(self, name: str, rows: tuple[Example, ...]) -> TaskData:
        """Return the data with one more split, in the place of one of that name."""
        return replace(self, splits={**self.splits, name: rows})

    def limited(self, limit: int | None) -> TaskData:
        """Return the first `limit` examples of every split (all of them for None)."""
        if limit is None:
            return self
        return replace(self, splits={name: rows[:limit] for name, rows in self.splits.items()})

    def sizes(self) -> dict[str, int]:
        """Return the number of examples of each split."""
        return {name: len(rows) for name, rows in self.splits.items()}

    def split_hashes(self) -> dict[str, str]:
        """Return the SHA-256 of each split's questions and answers, in their order."""
        return {name: content_hash(rows) for name, rows in sorted(self.splits.items())}

    def content_hash(self) -> str:
        """Return the SHA-256 of all splits; two sources with equal content have equal hashes."""
        return hashlib.sha256(json.dumps(self.split_hashes()).encode()).hexdigest()

    def _refuse_repeats(self) -> None:
        seen: dict[tuple[str, str], tuple[str, int]] = {}
        for name in REQUIRED_SPLITS:
            for index, example in enumerate(self.splits[name]):
                key = (example.prompt.strip(), example.answer.strip())
                if key in seen:
                    first, first_index = seen[key]
                    raise DataError(
                        f"{self._place(name)}: item {index} repeats item {first_index} of "
                        f"{self._place(first)}; expected every question and answer once, and "
                        "nothing both to forget and to retain"
                    )
                seen[key] = (name, index)

    def _place(self, split: str) -> str:
        return self.origin.files.get(split, split)


def content_hash(rows: Iterable[Example]) -> str:
    """Return the SHA-256 of questions and answers, in their order."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps([row.prompt, row.answer], ensure_ascii=True).encode())
        digest.update(b"\n")
    return digest.hexdigest()
