"""`unharness score`: metrics computed from stored observations or logs, without any model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from unharness.cli.console import echo, echo_json, stdout_console, tell
from unharness.cli.options import debug_option, format_option, results_option
from unharness.cli.run_options import metric_option
from unharness.errors import DataError, RecordError, UsageError
from unharness.safe_text import shortened

if TYPE_CHECKING:
    from unharness.pipeline.rescore import Rescored
    from unharness.records.record import MetricRecord
    from unharness.reference_rows import ReferenceRow

EPILOG = """\b
Examples:
  unharness score
  unharness score 3f2a 8f63
  unharness score --results results/mine --format json
  unharness score 3f2a --plugin ./last_words.py --metric last-words@forget
  unharness score --from-log TOFU_EVAL.json --retrained retain90/TOFU_EVAL.json
"""
LONGEST_REASON = 200
"""In characters."""
_log = click.Path(path_type=Path, dir_okay=False)


@click.command("score", epilog=EPILOG)
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@results_option
@metric_option
@format_option("table", "json")
@click.option(
    "--from-log",
    "log",
    type=_log,
    metavar="FILE",
    help="Score an evaluation log made elsewhere ('unharness logs' lists the formats).",
)
@click.option(
    "--retrained",
    type=_log,
    multiple=True,
    metavar="FILE",
    help="With --from-log: log of a retrained model; repeatable, one a seed.",
)
@click.option(
    "--target",
    type=_log,
    multiple=True,
    metavar="FILE",
    help="With --from-log: log of the target model; repeatable.",
)
@debug_option
def score_command(
    runs: tuple[str, ...],
    results: Path,
    metric: tuple[str, ...],
    form: str,
    log: Path | None,
    retrained: tuple[Path, ...],
    target: tuple[Path, ...],
) -> None:
    """Compute metrics again from stored observations, without the model.

    RUN is the beginning of a run id, or the path of a record; without any, all records of the
    results folder are scored. Use it after you added a metric to a task or changed one, or when
    there is now a retrained row for a metric that compares with it. --metric adds one that the
    task does not use; a record keeps it, and its run id.

    With --from-log it computes what the file's numbers by example allow, and writes nothing.
    """
    if log is not None:
        if runs:
            raise UsageError("give runs or --from-log, not both")
        if metric:
            raise UsageError("--metric is for records; a log's metrics are those that it allows")
        _score_log(log, {"retrained": retrained, "target": target}, form)
        return
    if retrained or target:
        raise UsageError("--retrained and --target name logs: give --from-log FILE as well")
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
            done.append(rescore(item, store, registry(), metric))
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


def _score_log(path: Path, others: Mapping[ReferenceRow, Sequence[Path]], form: str) -> None:
    """Print what a log's numbers give."""
    from unharness.evaluation.logs import read_log, score_log
    from unharness.registry import registry

    known = registry()
    log = read_log(path, known)
    references = {
        name: [read_log(one, known) for one in paths] for name, paths in others.items() if paths
    }
    found = score_log(log, references, known, on_note=tell)
    if not found:
        raise DataError(f"{path}: nothing can be computed from what it holds")
    if form == "json":
        echo_json({label: one.model_dump(mode="json") for label, one in found.items()})
    else:
        _print_scores(found)


def _print_scores(found: Mapping[str, MetricRecord]) -> None:
    from rich.table import Table

    from unharness.report.values import format_number
    from unharness.terminal import Text, print_table

    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for head in ("value", "95% interval", "unit", "n", "unscored"):
        table.add_column(head, justify="right" if head != "unit" else "left")
    table.add_column("")
    for label, one in found.items():
        if one.detail:
            continue
        ends = one.ci95 and " … ".join(format_number(end, one.unit) for end in one.ci95)
        table.add_row(
            Text(label),
            format_number(one.value, one.unit),
            ends or "",
            Text(one.unit),
            str(one.n),
            str(one.n_unscored or ""),
            Text("" if one.status == "ok" else one.status),
        )
    print_table(table, stdout_console())


def _line(one: Rescored) -> str:
    """Return in one line what became of a record."""
    spec = one.record.spec
    words = [f"{one.record.run_id}  {spec.method} · {spec.task} · {spec.model}:"]
    for names, what in ((one.added, "new"), (one.changed, "changed")):
        if names:
            words.append(f"{what} {', '.join(names)};")
    if one.missing:
        words.append(f"no value of {', '.join(_without_value(one))};")
    if len(words) == 1:
        words.append("as before")
    return " ".join(words).removesuffix(";")


def _without_value(one: Rescored) -> Iterator[str]:
    """Yield the columns without a value, those of one reason together."""
    by_reason: dict[str, list[str]] = {}
    for label in one.missing:
        by_reason.setdefault(one.record.metrics[label].status, []).append(label)
    for reason, labels in by_reason.items():
        yield f"{', '.join(labels)} ({shortened(reason, LONGEST_REASON)})"
