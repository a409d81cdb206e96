"""Published numbers as reference rows: what a paper printed, table and cell by cell."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from unharness.errors import RecordError, UsageError, suggestion
from unharness.models.family import same_model

FOLDER = "reference"
MISPRINT = "†"
WHOLE = 1000
"""From here on the papers print no decimals."""
STANDIN = "standin"
GENERAL_TASK, GENERAL_AVERAGE = "general/", "general_avg"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Cell(_Part):
    """One printed number."""

    value: float | None
    """None where the paper prints a bound instead."""
    printed: str | None = None
    """As it is printed, where that is no plain number."""
    above: float | None = None
    """The bound that is printed in the place of the number."""
    computed: float | None = None
    """What the paper's own columns give, where it prints something else."""


class ReferenceRow(_Part):
    """One row of a printed table."""

    method: str
    """What the method is called here."""
    label: str
    """What the paper calls it, in short."""
    cells: dict[str, Cell]
    """By metric, as they are called here."""


class ReferenceTable(_Part):
    """One printed table, or the part of it that is about one task and model."""

    table: str
    task: str
    model: str
    rows: tuple[ReferenceRow, ...]
    hardware: str = ""
    prompt: str = ""
    """The name of the prompt of the cells that end in ` with prompt`."""

    def row(self, method: str) -> ReferenceRow | None:
        """Return a method's row, if it is printed."""
        return next((row for row in self.rows if row.method == method), None)


class Reference(_Part):
    """Everything that one publication printed."""

    name: str
    title: str
    source: str
    url: str
    note: str = ""
    tables: tuple[ReferenceTable, ...] = Field(min_length=1)

    def results(self, task: str, model: str, data_source: str) -> ReferenceTable | None:
        """Return the results for a task and a model; none are comparable with a stand-in's."""
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
        """Return every task with its model, once."""
        return list(dict.fromkeys(f"{table.task} on {table.model}" for table in self.tables))


def comparable(name: str, ours: Iterable[str], theirs: Iterable[str]) -> bool:
    """Whether a metric of ours measures what a published one of the same name does.

    An average of general tasks does only where both average the same tasks. A published task may
    lack the variant that lm-eval's name has: `truthfulqa` is `truthfulqa_mc1`.

    Args:
        name: the metric.
        ours: names of all metrics of our row.
        theirs: names of all cells of the published row.
    """
    if name != GENERAL_AVERAGE:
        return True
    own = [item for item in ours if item.startswith(GENERAL_TASK)]
    published = [item for item in theirs if item.startswith(GENERAL_TASK)]
    return len(own) == len(published) and all(
        any(item == task or item.startswith(f"{task}_") for item in own) for task in published
    )


def load_reference(name: str, results: Path) -> Reference:
    """Read reference rows: a JSON file, one of the results folder's, or one that is bundled.

    Raises:
        UsageError: nothing has that name; lists what there is.
        RecordError: the file cannot be read, or is not as it should be.
    """
    if name.endswith(".json"):
        return _read(Path(name).expanduser())
    known = dict(_files(results))
    if name not in known:
        raise UsageError(f"unknown reference {name!r}.{suggestion(name, known)} Or give a .json")
    return _read(known[name])


def _files(results: Path) -> Iterator[tuple[str, Path]]:
    bundled = Path(str(files("unharness.leaderboard"))) / "reference_rows"
    for folder in (bundled, results / FOLDER):  # the user's own come last, and so first
        for path in sorted(folder.glob("*.json")):
            yield path.stem, path


def _read(path: Path) -> Reference:
    try:
        return Reference.model_validate_json(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(f"{path}: the reference cannot be read ({error})") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise RecordError(f"{path}: no reference rows: {place}: {first['msg']}") from error


def printed(cell: Cell | None) -> str:
    """Return a cell as the paper prints it, with a mark where that does not follow from it."""
    if cell is None:
        return ""
    text = cell.printed
    if text is None:
        digits = 2 if cell.value is None or cell.value < WHOLE else 0
        text = "" if cell.value is None else f"{cell.value:.{digits}f}"
    return text + MISPRINT if cell.computed is not None else text


def misprints(tables: Sequence[ReferenceTable]) -> list[str]:
    """Return a line for every printed number that does not follow from its columns."""
    return [
        f"{MISPRINT} table {table.table}, {table.task}, {table.model}, {row.label}: {name} "
        f"{cell.value:g} is printed, its columns give {cell.computed:g}"
        for table in tables
        for row in table.rows
        for name, cell in row.cells.items()
        if cell.computed is not None and cell.value is not None
    ]
