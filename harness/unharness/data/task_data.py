"""All splits of a task, and the checks that hold for any task."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from unharness.data.examples import Example, Generation, Role, Split
from unharness.errors import DataError


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
    """Why it is the stand-in, where the user did not ask for it."""
    datasets: Mapping[str, str] = field(default_factory=dict)
    """By dataset of the hub that the user named: the commit that was read."""
    notes: tuple[str, ...] = ()
    """What users must know of the data; it is printed, and kept as warnings of their records."""
    kept: str = ""
    """The folder of the local cache that holds data from the hub; empty for other data."""
    kept_revision: str = ""
    """The commit that this folder is of; another one where it was there before."""

    def standin_note(self) -> str:
        """Return a note on stand-in data and why it is used; empty for other data."""
        if self.source != "standin":
            return ""
        why = f"{self.fallback}, so this is " if self.fallback else ""
        return (
            f"data: {why}{self.description}. These are not the paper's data; "
            "give --data FOLDER or --data hub for those"
        )


@dataclass(frozen=True)
class TaskData:
    """A task's splits.

    Raises:
        DataError: a split is empty, an example is in a
            split twice, in both a forget and a retain split, in two learned splits, or in a
            learned split and in holdout.
    """

    splits: Mapping[str, Split]
    origin: DataOrigin
    keep_repeats: bool = False
    """Whether examples may stand where they may not; such data is looked at, and never run."""

    def __post_init__(self) -> None:
        for name, split in self.splits.items():
            if name != split.name:
                raise DataError(f"split {split.name!r} is listed as {name!r}")
            if not split.examples:
                raise DataError(f"{self._place(name)}: no examples; expected at least one")
        if not self.keep_repeats:
            self._check_overlaps()

    @classmethod
    def of(cls, splits: Iterable[Split], origin: DataOrigin) -> TaskData:
        """Return the data of splits under their own names.

        Raises:
            DataError: as above, or two splits have one name.
        """
        found: dict[str, Split] = {}
        for split in splits:
            if split.name in found:
                raise DataError(f"two splits are named {split.name!r}")
            found[split.name] = split
        return cls(found, origin)

    def __getitem__(self, name: str) -> tuple[Example, ...]:
        """Return the examples of a split."""
        return self.splits[name].examples

    def learned(self, *, without: Role | None = None) -> tuple[Split, ...]:
        """Return the splits that a target model learns, but for those of one role."""
        return tuple(
            split for split in self.splits.values() if split.learned and split.role != without
        )

    def require_forget_split(self) -> None:
        """Make sure that there is something to forget.

        Raises:
            DataError: no split with the role `forget` may be read by a method.
        """
        if not self.trainable("forget"):
            raise DataError("no split with role 'forget' may be read by a method")

    def with_role(self, role: Role) -> tuple[Split, ...]:
        """Return all splits of a role, evaluated ones included."""
        return tuple(split for split in self.splits.values() if split.role == role)

    def trainable(self, role: Role) -> tuple[Split, ...]:
        """Return the splits of a role that a method may read."""
        return tuple(
            split for split in self.splits.values() if split.trainable and split.role == role
        )

    def evaluated(self, role: Role | None = None) -> tuple[Split, ...]:
        """Return the splits that are evaluated, of a role if one is given."""
        return tuple(
            split
            for split in self.splits.values()
            if split.evaluated and role in (None, split.role)
        )

    def joined(self, split: Split) -> TaskData:
        """Return the data with one more split, in place of one of that name."""
        return replace(self, splits={**self.splits, split.name: split})

    def without_own(self, *, template: bool, max_new_tokens: bool) -> TaskData:
        """Return the data without the splits' own templates or numbers of generated tokens.

        It is for what the user sets for the whole run.

        Args:
            template: whether the splits' own templates go.
            max_new_tokens: whether their own numbers of generated tokens go.
        """
        splits = dict(self.splits)
        for name, split in splits.items():
            if template and split.template is not None:
                splits[name] = split = replace(split, template=None)
            if max_new_tokens and split.generation and split.generation.max_new_tokens is not None:
                own = replace(split.generation, max_new_tokens=None)
                splits[name] = replace(split, generation=own)
        return replace(self, splits=splits)

    def limited(self, limit: int | None) -> TaskData:
        """Return the first `limit` examples of every split (all of them for None)."""
        if limit is None:
            return self
        return replace(
            self,
            splits={
                name: split.with_examples(split.examples[:limit])
                for name, split in self.splits.items()
            },
        )

    def sizes(self) -> dict[str, int]:
        """Return the number of examples of each split."""
        return {name: len(split) for name, split in self.splits.items()}

    def split_hashes(self) -> dict[str, str]:
        """Return the SHA-256 of each split's content."""
        return {name: split.content_hash() for name, split in sorted(self.splits.items())}

    def content_hash(self) -> str:
        """Return the SHA-256 of all splits, and of how text is generated where one says so.

        Two sources with equal content have equal hashes.
        """
        digest = hashlib.sha256(json.dumps(self.split_hashes()).encode())
        for name, split in sorted(self.splits.items()):
            if split.generation not in (None, Generation()):
                digest.update(f"{name} {split.generation!r}\n".encode())
        return digest.hexdigest()

    def learned_hash(self) -> str:
        """Return the SHA-256 of what a target model learns."""
        hashes = {split.name: split.learned_hash() for split in self.learned()}
        return hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest()

    def _check_overlaps(self) -> None:
        seen: dict[tuple[str, str], list[tuple[Split, int]]] = {}
        for split in self.splits.values():
            for index, example in enumerate(split.examples):
                key = (example.prompt.strip(), example.answer.strip())
                for other, at in seen.get(key, ()):
                    if why := _conflict(split, other):
                        raise DataError(
                            f"{self._place(split.name)}: item {index} repeats item {at} of "
                            f"{self._place(other.name)}; {why}"
                        )
                seen.setdefault(key, []).append((split, index))

    def _place(self, name: str) -> str:
        return self.origin.files.get(name, name)


def _conflict(one: Split, other: Split) -> str:
    """Return why two splits may not share an example; empty where they may."""
    roles = {one.role, other.role}
    if one is other:
        return "expected every example of a split once"
    if roles == {"forget", "retain"}:
        return "nothing can be both to forget and to retain"
    if one.learned and other.learned:
        return "expected every learned example once"
    if "holdout" in roles and (one.learned or other.learned):
        return "the holdout is for what was never learned"
    return ""
