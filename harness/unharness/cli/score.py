"""`unharness score`: metrics computed again from stored observations, without any model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from unharness.cli.console import echo, echo_json, tell
from unharness.cli.options import debug_option, format_option, results_option
from unharness.errors import RecordError

if TYPE_CHECKING:
    from unharness.pipeline.rescore import Rescored

EPILOG = """\b
Examples:
  unharness score
  unharness score 3f2a 8f63
  unharness score --results results/mine --format json
"""


@click.command("score", epilog=EPILOG)
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@results_option
@format_option("table", "json")
@debug_option
def score_command(runs: tuple[str, ...], results: Path, form: str) -> None:
    """Compute metrics again from stored observations, without the model.

    RUN is the beginning of a run id, or the path of a record; without any, all records of the
    results folder are scored. Use it after you added a metric to a task or changed one, or when
    there is now a retrained row for a metric that compares with it.
    """
    from unharness.pipeline.rescore import rescore
    from unharness.records.store import RecordStore, StoredRecord
    from unharness.registry import registry

    store = RecordStore(results)
    found = [store.by_id(run) for run in runs] or [
        item
        for item in store.scan()
        if isinstance(item, StoredRecord) and item.record.status == "done"
    ]
    done: list[Rescored] = []
    for item in found:
        try:
            done.append(rescore(item, store, registry()))
        except RecordError as error:
            if runs:
                raise
            tell(f"skipped: {error}")
    if form == "json":
        echo_json([one.record.model_dump(mode="json") for one in done])
        return
    for one in done:
        echo(_line(one))
    if not done:
        raise RecordError(f"nothing to score under {results}/")


def _line(one: Rescored) -> str:
    """Return in one line what became of a record."""
    spec = one.record.spec
    words = [f"{one.record.run_id}  {spec.method} · {spec.task} · {spec.model}:"]
    for names, what in ((one.added, "new"), (one.changed, "changed"), (one.missing, "no value of")):
        if names:
            words.append(f"{what} {', '.join(names)};")
    if len(words) == 1:
        words.append("as before")
    return " ".join(words).removesuffix(";")
