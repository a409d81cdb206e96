"""`unharness reproduce`: run a record again, and say what differs."""

from __future__ import annotations

import signal
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from unharness.cli.console import echo, echo_json, stdout_console
from unharness.cli.options import debug_option, format_option, results_option
from unharness.cli.run_options import data_option, device_option
from unharness.errors import UsageError
from unharness.safe_text import one_line, shortened

if TYPE_CHECKING:
    from unharness.pipeline.reproduction import Difference, Reproduction

EPILOG = """\b
Examples:
  unharness reproduce 3f2a
  unharness reproduce 3f2a --results results/published --data ../data
  unharness reproduce 3f2a --cached-target --keep again --format json

\b
Exit code 0 if the record was reproduced, else 1.
"""
LONGEST_FACT = 60
"""In characters."""


@click.command("reproduce", epilog=EPILOG)
@click.argument("run", metavar="RUN")
@results_option
@data_option("where it lies now")
@device_option
@click.option(
    "--cached-target",
    is_flag=True,
    help="Start from the target in the cache, if it is there; without it, it is trained again.",
)
@click.option(
    "--keep",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep what was made, records and cache, in this folder [default: it is removed].",
)
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
@format_option("text", "json")
@debug_option
@click.pass_context
def reproduce_command(
    ctx: click.Context,
    run: str,
    results: Path,
    data: str | None,
    device: str | None,
    cached_target: bool,
    keep: Path | None,
    quiet: bool,
    form: str,
) -> None:
    """Run a record again from what it says was asked for, and compare.

    RUN is the beginning of a run id, or the path of a record. Target, unlearning, attacks and
    evaluation are made anew, in folders of their own; the record stays as it is. A metric is
    reproduced if its new value is inside the record's own 95% interval; on a CPU, with the same
    versions and hardware, the weights must be equal bit for bit.
    """
    from unharness.cli.run import calm_libraries, interrupt

    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise UsageError(f"--keep {keep}: is not empty; give a new folder")
    calm_libraries(debug=False)
    signal.signal(signal.SIGTERM, interrupt)
    from unharness.cli.progress import progress_for
    from unharness.registry import registry

    given = {name: value for name, value in (("data", data), ("device", device)) if value}
    with tempfile.TemporaryDirectory(prefix="unharness-") as temporary:
        scratch = keep or Path(temporary)
        with progress_for(quiet) as progress:
            with progress.stage("load libraries"):
                from unharness.pipeline.reproduce import reproduce
                from unharness.records.store import RecordStore
            found = reproduce(
                RecordStore(results).by_id(run),
                given,
                scratch.resolve(),
                registry(),
                progress,
                cached_target=cached_target,
            )
    if form == "json":
        echo_json(_values(found))
    else:
        _print(found)
    if not found.reproduced:
        ctx.exit(1)


def verdict(found: Reproduction) -> str:
    """Return in one line what came of it."""
    run = found.record.run_id
    if found.again is None:
        return f"not run: {run} is no longer what its request gives today"
    if found.reproduced:
        bits = "weights differ" if found.weights else "weights are equal bit for bit"
        return f"reproduced: {run}; {bits}, every metric is within its noise"
    outside = sum(one.verdict == "outside" for one in found.metrics)
    missing = sum(one.verdict == "missing" for one in found.metrics)
    reasons = [f"{outside} metrics are outside of their noise"] * bool(outside)
    reasons += [f"{missing} metrics have a value in one of the records only"] * bool(missing)
    if found.weights and found.bits_expected:
        reasons.append("the weights differ, where equal bits are expected")
    return f"not reproduced: {run}; {'; '.join(reasons)}"


def _print(found: Reproduction) -> None:
    _print_differences("spec", found.spec)
    if found.again is not None:
        if not found.weights:
            echo("weights: equal bit for bit")
        _print_differences("weights", found.weights)
        counts = Counter(one.verdict for one in found.metrics)
        echo("metrics: " + ", ".join(f"{count} {name}" for name, count in sorted(counts.items())))
        _print_metrics(found)
        _print_differences("versions and hardware", found.surroundings)
    echo(verdict(found))


def _print_differences(title: str, found: Sequence[Difference]) -> None:
    if found:
        echo(f"{title}, before and now:")
    for one in found:
        before, after = (shortened(one_line(str(v)), LONGEST_FACT) for v in (one.before, one.after))
        echo(one_line(f"  {one.name}: {before} | {after}"))


def _print_metrics(found: Reproduction) -> None:
    from rich.table import Table

    from unharness.report.values import format_number
    from unharness.terminal import Text, print_table

    changed = [one for one in found.metrics if one.verdict != "equal"]
    if not changed:
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for head in ("", "before", "now", "95% interval", ""):
        table.add_column(head)
    for one in changed:
        ends = " – ".join(format_number(end, one.unit) for end in one.interval or ())
        before, after = (format_number(value, one.unit) for value in (one.before, one.after))
        table.add_row(Text(one.label), before, after, ends or "–", one.verdict)
    print_table(table, stdout_console())


def _values(found: Reproduction) -> dict[str, Any]:
    def listed(facts: Sequence[Difference]) -> list[dict[str, Any]]:
        return [{"name": one.name, "before": one.before, "after": one.after} for one in facts]

    return {
        "run_id": found.record.run_id,
        "reproduced": found.reproduced,
        "verdict": verdict(found),
        "bits_expected": found.bits_expected if found.again else None,
        "spec": listed(found.spec),
        "weights": listed(found.weights),
        "metrics": [
            {"label": one.label, "before": one.before, "after": one.after, "unit": one.unit}
            | {"interval": one.interval and list(one.interval), "verdict": one.verdict}
            for one in found.metrics
        ],
        "surroundings": listed(found.surroundings),
    }
