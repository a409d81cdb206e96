"""How a task's data is stored, in each place that it can come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from unharness.data.examples import Example, Split
from unharness.data.json_rows import DataRow
from unharness.data.pairs import pair_example

Rows = Mapping[str, Sequence[DataRow]]
"""By part of a task's data: its rows."""
Items = list[dict[str, Any]]
"""Rows as JSON."""


@dataclass(frozen=True)
class HubRows:
    """Where a dataset on the hub has the rows of one part."""

    config: str
    """Empty: the hub does not have them."""
    split: str = "train"
    column: str | None = None
    """Of the first row: the column that holds the rows as a list; None: the rows are its own."""
    repository: str = ""
    """The dataset; empty: the layout's."""


@dataclass(frozen=True)
class DataPart:
    """One file of a task's data, and where the hub has the same rows."""

    file: str
    """Its path in the task's folder: one JSON list, or JSON lines."""
    hub: HubRows = HubRows("")
    keys: tuple[str, ...] = ()
    """What every row must have, in messages."""
    rows: int | None = None
    """How many there are; None: any number. A stand-in may have fewer."""
    otherwise: str = ""
    """What a file with another number of rows probably is, and what to do, in words."""
    optional: bool = False
    """Whether the file may be missing, and the hub or the stand-in have none: no rows then."""


@dataclass(frozen=True)
class StandIn:
    """Data of the same shape that the project makes itself."""

    make: Callable[[], Mapping[str, Items]]
    """Gives the rows of every part."""
    description: str


@dataclass(frozen=True)
class NamedFiles:
    """How files are read that the user names one by one: `--task FILE --retain FILE`.

    They may be JSON, JSON lines, CSV, TSV or Parquet, or tables on the hub, and take the places of
    the layout's parts `forget` and `retain`.
    """

    keys: tuple[str, ...]
    """What a row may have; `--columns KEY=COLUMN` says what a file calls it."""
    split_key: str
    """The key of rows that say themselves which split they are of."""
    mixed: str
    """The part that a file of such rows is."""


@dataclass(frozen=True)
class DataLayout:
    """How a task's data is stored in files and on the hub, and how rows become examples."""

    splits: Sequence[Split]
    """Every split's role and use, without examples."""
    folder: str
    """In a folder of data: the task's own; slashes may part it."""
    parts: Mapping[str, DataPart]
    """By name, as `examples` and the stand-in call them; messages about a split name the file of
    the part that has the split's name."""
    repository: str
    """The dataset on the hub; empty: it is not there."""
    examples: Callable[[Rows], Mapping[str, Iterable[Example]]]
    """Turns the rows of all parts into the examples of all splits; raises `DataRow.error`. A split
    that it leaves out is not there."""
    standin: StandIn
    elsewhere: str = ""
    """Where users get the files, in words, for data that is not on the hub."""
    kept: str = ""
    """The folder in the cache for what comes from the hub; empty: `folder`. It is another one for
    each set of parts, where these depend on the task's parameters."""
    named: NamedFiles | None = None
    """How single files are read; None: they are not."""


@dataclass(frozen=True)
class HubDataset:
    """A dataset on the hub whose rows hold, under one column for each split, a list of pairs."""

    repository: str
    config: str
    columns: Mapping[str, tuple[str, str]]
    """Our split to (the hub's split, its column)."""


@dataclass(frozen=True)
class PairsLayout:
    """How question-answer pairs are stored: a file, and a list on the hub, for every split."""

    splits: Sequence[Split]
    """Every split's role and use, without examples."""
    folder: str
    files: Mapping[str, str]
    """Split to file name."""
    prompt_key: str
    answer_key: str
    hub: HubDataset
    standin: StandIn
    """Its items have `prompt` and `answer`; anything else is meta, as it is in files."""

    def general(self) -> DataLayout:
        """Return the same as a layout of any kind."""
        keys = (self.prompt_key, self.answer_key)
        parts = {
            split: DataPart(file, HubRows(self.hub.config, *self.hub.columns[split]), keys)
            for split, file in self.files.items()
        }
        return DataLayout(
            self.splits,
            self.folder,
            parts,
            self.hub.repository,
            examples=_pairs,
            standin=StandIn(self._standin, self.standin.description),
        )

    def _standin(self) -> dict[str, Items]:
        names = {"prompt": self.prompt_key, "answer": self.answer_key}
        return {
            split: [{names.get(key, key): text for key, text in item.items()} for item in items]
            for split, items in self.standin.make().items()
        }


def _pairs(rows: Rows) -> dict[str, list[Example]]:
    return {split: [pair_example(row, split) for row in own] for split, own in rows.items()}
