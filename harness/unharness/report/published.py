"""Published results: what a paper printed, by table, row and cell."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from unharness.data.sources import STANDIN
from unharness.errors import RecordError, UsageError, refused_place, suggestion
from unharness.models.family import same_model
from unharness.registry import registry

FOLDER = "reference"
"""Where a results folder holds the user's own published results, a JSON file each."""
MISPRINT = "†"
NO_DECIMALS_FROM = 1000
GENERAL_TASK, GENERAL_AVERAGE = "general/", "general_avg"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class PublishedCell(_Part):
    """One printed number."""

    value: float | None
    """None where a bound is printed instead."""
    printed: str | None = None
    """The text as printed, where it is not a plain number."""
    above: float | None = None
    """The lower bound that is printed in place of the number."""
    computed: float | None = None
    """What the paper's own columns give, where it prints something else."""

    def text(self) -> str:
        """Return the number as printed, marked where its own columns contradict it."""
        text = self.printed
        if text is None:
            digits = 2 if self.value is None or self.value < NO_DECIMALS_FROM else 0
            text = "" if self.value is None else f"{self.value:.{digits}f}"
        return text + MISPRINT if self.computed is not None else text


class PublishedRow(_Part):
    """One row of a printed table."""

    method: str
    """The method's name in unharness."""
    label: str
    """The paper's short name of the method."""
    cells: dict[str, PublishedCell]
    """By the metric's name in unharness."""


class PublishedTable(_Part):
    """One printed table, or the part of it that is about one task and model."""

    table: str
    task: str
    model: str
    rows: tuple[PublishedRow, ...]
    hardware: str = ""
    prompt: str = ""
    """The name of the prompt of the cells that end in ` with prompt`."""

    def row(self, method: str) -> PublishedRow | None:
        """Return a method's row, None if the paper has none."""
        return next((row for row in self.rows if row.method == method), None)

    def columns(self) -> list[str]:
        """Return the names of all cells, in the order of the paper."""
        return list(dict.fromkeys(name for row in self.rows for name in row.cells))

    def comparable(self, name: str, ours: Iterable[str]) -> bool:
        """Return whether our metric measures the same as the published one of that name.

        An average over general tasks does only if both average the same tasks. A published task
        may lack the variant in lm-eval's name: `truthfulqa` is `truthfulqa_mc1`.

        Args:
            name: the metric.
            ours: the names of all metrics of our row.
        """
        if name != GENERAL_AVERAGE:
            return True
        own = [item for item in ours if item.startswith(GENERAL_TASK)]
        published = [item for item in self.columns() if item.startswith(GENERAL_TASK)]
        return len(own) == len(published) and all(
            any(item == task or item.startswith(f"{task}_") for item in own) for task in published
        )

    def misprints(self) -> list[str]:
        """Return a line for every printed number that the paper's own columns contradict."""
        return [
            f"{MISPRINT} table {self.table}, {self.task}, {self.model}, {row.label}: {name} "
            f"{cell.value:g} is printed, its columns give {cell.computed:g}"
            for row in self.rows
            for name, cell in row.cells.items()
            if cell.computed is not None and cell.value is not None
        ]


class PublishedResults(_Part):
    """The tables of one publication."""

    name: str
    title: str
    source: str
    url: str
    note: str = ""
    licence: str = ""
    """Why the numbers may be shown: of which licence their source is."""
    tables: tuple[PublishedTable, ...] = Field(min_length=1)

    def main_table(self, task: str, model: str, data_source: str) -> PublishedTable | None:
        """Return the table of results for a task and a model, None if there is none.

        Nothing is comparable with results on stand-in data.
        """
        if data_source == STANDIN:
            return None
        return next(
            (
                table
                for table in self.tables
                if table.task == task
                and same_model(model, table.model)
                and not table.prompt
                and not table.hardware
            ),
            None,
        )

    def subjects(self) -> list[str]:
        """Return every pair of task and model, once."""
        return list(dict.fromkeys(f"{table.task} on {table.model}" for table in self.tables))


def load_published(name: str, results: Path) -> PublishedResults:
    """Read published results.

    Args:
        name: a `.json` file; or the name of one in the results folder's `reference/`, or of one
            that a plugin brings (the user's own file wins).
        results: the folder of records.

    Raises:
        UsageError: nothing has that name; lists what there is.
        RecordError: the file cannot be read, or is malformed.
    """
    if name.endswith(".json"):
        return _read(Path(name).expanduser())
    own = {path.stem: path for path in sorted((results / FOLDER).glob("*.json"))}
    known = registry().values("published_results") | own
    if name not in known:
        raise UsageError(f"unknown reference {name!r}.{suggestion(name, known)} Or give a .json")
    return _read(known[name])


def published_names(results: Path) -> list[str]:
    """Return the names of all published results: of plugins, and of the results folder."""
    own = {path.stem for path in (results / FOLDER).glob("*.json")}
    return sorted({*registry().values("published_results"), *own})


def _read(path: Path) -> PublishedResults:
    try:
        return PublishedResults.model_validate_json(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(f"{path}: the reference cannot be read ({error})") from error
    except ValidationError as error:
        raise RecordError(f"{path}: not published results: {refused_place(error)}") from error
