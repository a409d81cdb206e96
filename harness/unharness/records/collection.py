"""Records in memory, as Python code works with them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from unharness.errors import RecordError
from unharness.records.frame import records_frame
from unharness.records.record import RunRecord
from unharness.records.store import RecordStore, StoredRecord

if TYPE_CHECKING:
    from pandas import DataFrame


class Records(list[RunRecord]):
    """A list of records that pandas can take."""

    def to_frame(self) -> DataFrame:
        """Return a pandas DataFrame, one row a record.

        Columns: `method`, `task`, `model`, `seed` and other facts of the run;
        `hyperparameters.NAME`; of every metric `LABEL` with `LABEL.low` and `LABEL.high`, the ends
        of its 95% interval, in the metric's unit.

        Raises:
            UsageError: pandas is not installed.
        """
        return records_frame(self)


def load_records(results: Path | str) -> Records:
    """Return all readable records under a results folder, in the order of their paths.

    Args:
        results: the folder.

    Raises:
        RecordError: there is no such folder.

    Example:
        >>> import unharness
        >>> records = unharness.load_records("results")
        >>> frame = records.to_frame()
        >>> len(frame) == len(records)
        True
        >>> list(frame.loc[frame.seed == 0, "status"].unique())
        ['done']
    """
    if not Path(results).is_dir():
        raise RecordError(f"{results}: no such folder of records")
    found = RecordStore(results).scan()
    return Records(item.record for item in found if isinstance(item, StoredRecord))
