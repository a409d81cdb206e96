"""`unharness sweep`: a grid of runs."""

from __future__ import annotations

import shlex
import signal
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from unharness import defaults
from unharness.cli.completion import FILE, complete
from unharness.cli.console import echo_json
from unharness.cli.grid_options import grid_values, shared_options
from unharness.cli.groups import CommandWithCommands
from unharness.cli.options import format_option
from unharness.cli.run import calm_libraries, interrupt
from unharness.cli.run_options import (
    attack_option,
    preset_option,
    prompt_option,
    save_weights_option,
)
from unharness.cli.sweep_control import CONTROL_COMMANDS
from unharness.cli.yaml_file import file_keys
from unharness.report.values import clock
from unharness.terminal import Console

if TYPE_CHECKING:
    from unharness.sweeps.executors.executor import JobResult
    from unharness.sweeps.plan import SweepPlan

SOME_FAILED = 3
MOST_SHOWN = 40

EPILOG = f"""\b
Examples:
  unharness sweep --method {defaults.METHOD},{defaults.SECOND_METHOD} --seed 0..4
  unharness sweep --method {defaults.METHOD} --set lr=1e-3,2e-3 --dry-run
  unharness sweep --tuning lora --lora r=16 --target-seed 0..2 --seed 0..4
  unharness sweep grid.yaml --data ../data --workers 2
  unharness sweep grid.yaml --log mlflow          # one log for every run of the grid
  unharness sweep grid.yaml --shard 2/4           # the second of four machines that share a folder
  unharness sweep grid.yaml --executor ray --address auto
  unharness sweep status                          # from another terminal; pause, resume, drain too

\b
Repeat the command to resume an interrupted sweep: finished runs are not run again.
Exit code 3: some runs failed; repeat the command to retry them.
"""


@click.command("sweep", cls=CommandWithCommands, epilog=EPILOG)
@click.argument(
    "file",
    required=False,
    type=click.Path(path_type=Path),
    shell_complete=complete("", *(str(one.name) for one in CONTROL_COMMANDS), paths=FILE),
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="[METHOD.]NAME=V1,V2",
    help="Values of a hyperparameter, for all methods or for one; repeatable.",
)
@preset_option
@prompt_option(lists=True)
@attack_option
@save_weights_option
@click.option("--shard", metavar="I/N", help="Run only the I-th of N parts of the grid.")
@click.option("--dry-run", is_flag=True, help="Print the plan, and run nothing.")
@format_option("table", "json")
@shared_options
def sweep_command(
    file: Path | None,
    settings: tuple[str, ...],
    shard: str | None,
    dry_run: bool,
    form: str,
    workers: int | None,
    executor: str,
    address: str | None,
    quiet: bool,
    progress_form: str | None,
    debug: bool,
    **flags: Any,
) -> None:
    """Run a grid: methods x tasks x models x seeds x hyperparameters.

    FILE is YAML with the flags' names as keys, and lists for several values; flags override it.
    """
    from unharness.sweeps.grid import SweepRequest

    values = grid_values(file, flags, settings, file_keys(SweepRequest, but=()))
    calm_libraries(debug)
    signal.signal(signal.SIGTERM, interrupt)

    from unharness.cli.progress import error_console, progress_for
    from unharness.cli.sweep_progress import watching
    from unharness.registry import registry
    from unharness.sweeps.grid import cells, make_sweep_request
    from unharness.sweeps.references import with_references

    found = registry()
    request = make_sweep_request(values)
    requests = cells(request, found)
    if request.references:
        requests = with_references(requests, found)
    with progress_for(quiet, progress_form) as progress:
        with progress.stage("prepare"):
            from unharness.sweeps.plan import plan_sweep
            from unharness.sweeps.steering import steered
            from unharness.sweeps.sweep import failures, make_executor, parse_shard, run_sweep

        plan = plan_sweep(requests, found, progress)
    if shard:
        plan = plan.shard(*parse_shard(shard))
    runner = make_executor(executor, {"workers": workers, "address": address}, found)
    if dry_run:
        _print_plan(plan, form)
        return
    errors = error_console(progress_form)
    seconds = plan.estimate()[0]
    with (
        closing(runner),
        watching(len(plan.left), seconds, quiet, errors, form=progress_form) as shown,
        steered(plan, shown, _command()) as observer,
    ):
        for note in plan.notes():
            observer.note(note)
        results = run_sweep(plan, runner, observer)
    if form == "json":
        echo_json(_report(plan, results))
    else:
        _print_report(plan, results, errors, quiet)
    if failures(results):
        sys.exit(SOME_FAILED)


for _command_of_others in CONTROL_COMMANDS:
    sweep_command.add_command(_command_of_others)


def _command() -> str:
    """Return this command as a user would write it."""
    return shlex.join(["unharness", *sys.argv[1:]])


def _print_plan(plan: SweepPlan, form: str) -> None:
    seconds, unknown = plan.estimate()
    counts = {
        state: sum(c.state == state for c in plan.cells) for state in ("done", "failed", "new")
    }
    if form == "json":
        cells = [
            {"run_id": cell.run_id, "label": cell.label, "state": cell.state}
            | {"target_cached": cell.target.is_dir()}
            for cell in plan.cells
        ]
        found = {"cells": cells, "targets_to_train": len(plan.missing_targets)}
        echo_json(found | {"seconds": seconds, "unknown": unknown})
        return
    console = Console()
    table = Table(box=None, pad_edge=False)
    for name in ("run", "state", "target", "configuration"):
        table.add_column(name)
    for cell in plan.cells[:MOST_SHOWN]:
        cached = "given" if cell.plan.given else "cached"
        target = cached if cell.target.is_dir() else "to train"
        table.add_row(cell.run_id[:8], cell.state, target, cell.label)
    console.print(table)
    if len(plan.cells) > MOST_SHOWN:
        console.print(f"… and {len(plan.cells) - MOST_SHOWN} more")
    console.print(
        f"\n{len(plan.cells)} runs: {counts['done']} done, {counts['failed']} failed before, "
        f"{counts['new']} new; {len(plan.missing_targets)} targets to train"
    )
    if plan.left:
        console.print(_estimate(seconds, unknown, len(plan.left)))


def _estimate(seconds: float, unknown: int, left: int) -> str:
    if unknown == left:
        return "no time estimate yet: there is no record of such a run"
    more = f", and {unknown} runs without past records" if unknown else ""
    return f"about {clock(seconds)} for one worker, by past records{more}"


def _report(plan: SweepPlan, results: list[JobResult]) -> dict[str, Any]:
    return {
        "results": plan.results,
        "cells": len(plan.cells),
        "done_before": len(plan.cells) - len(plan.left),
        "not_started": len(plan.left) - len(results),
        "runs": [vars(result) for result in results],
    }


def _print_report(plan: SweepPlan, results: list[JobResult], console: Console, quiet: bool) -> None:
    from unharness.sweeps.sweep import failures

    failed = failures(results)
    found = sum(result.outcome == "found" for result in results)
    before = len(plan.cells) - len(plan.left) + found
    done = len(results) - len(failed) - found
    if not quiet:
        console.print(f"{done} runs done, {before} were done before, {len(failed)} failed")
        where = f"records in {plan.results}; 'unharness leaderboard' compares them"
        console.print(where, style="dim", soft_wrap=True)
        if left := len(plan.left) - len(results):
            console.print(f"{left} runs were not started; repeat the command to go on")
    if not failed:
        return
    for result in failed:
        labels = " or ".join(cell.label for cell in plan.cells if cell.run_id == result.run_id)
        line = f"failed: {labels}: {result.error}"
        console.print(line, style="red", markup=False, highlight=False, soft_wrap=True)
    console.print("retry only the failed runs:", markup=False)
    console.print(f"  {_command()}", markup=False, highlight=False, soft_wrap=True)
