"""`unharness sweep status`, `pause`, `resume`, `drain`: a sweep that runs in another terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from unharness import defaults
from unharness.cli.console import echo, echo_json, stdout_console
from unharness.cli.options import debug_option, format_option
from unharness.report.values import clock

if TYPE_CHECKING:
    from unharness.sweeps.control import SeenSweep, Wanted
    from unharness.terminal import Console

F = TypeVar("F", bound=Callable[..., Any])

_results_argument = click.argument(
    "results",
    required=False,
    type=click.Path(path_type=Path, file_okay=False),
    envvar=defaults.RESULTS_VARIABLE,
    default=defaults.RESULTS,
)
_sweep_option = click.option(
    "--sweep", metavar="ID", help="Only the sweep whose id begins so; else all that run."
)


def _examples(name: str, *more: str) -> str:
    lines = [name, f"{name} ./results", *(f"{name} {words}" for words in more)]
    return "\n".join(["\b", "Examples:", *(f"  unharness sweep {line}" for line in lines)])


@click.command("status", epilog=_examples("status", "--format json"))
@_results_argument
@format_option("table", "json")
@debug_option
def status_command(results: Path, form: str) -> None:
    """Show the sweeps of a results folder: what is done, runs, waits and failed, and the rest.

    RESULTS is the folder of records [default: results, or UNHARNESS_RESULTS].
    """
    from unharness.sweeps.control import sweeps_in

    found = sweeps_in(results)
    if form == "json":
        echo_json([_facts(one) for one in found])
        return
    if not found:
        echo(f"no sweep is running in {results}")
    console = stdout_console()
    for one in found:
        _print_sweep(one, console)


@click.command("pause", epilog=_examples("pause", "--sweep 3f"))
@_results_argument
@_sweep_option
@debug_option
def pause_command(results: Path, sweep: str | None) -> None:
    """Let a sweep start nothing new until `resume`; what runs is finished."""
    _ask(results, "pause", sweep, "paused: {running} runs are finished, nothing new starts")


@click.command("resume", epilog=_examples("resume", "--sweep 3f"))
@_results_argument
@_sweep_option
@debug_option
def resume_command(results: Path, sweep: str | None) -> None:
    """Let a paused sweep go on."""
    _ask(results, "run", sweep, "resumed: {waiting} runs wait")


@click.command("drain", epilog=_examples("drain", "--sweep 3f"))
@_results_argument
@_sweep_option
@debug_option
def drain_command(results: Path, sweep: str | None) -> None:
    """Let a sweep finish what runs, and then end; its command goes on with the rest later."""
    _ask(results, "drain", sweep, "draining: {running} runs are finished, {waiting} not started")


CONTROL_COMMANDS = (status_command, pause_command, resume_command, drain_command)


def _ask(results: Path, wanted: Wanted, sweep: str | None, answer: str) -> None:
    from unharness.sweeps.control import ask

    for one in ask(results, wanted, sweep):
        state = one.state
        said = answer.format(running=len(state.running), waiting=state.waiting)
        echo(f"sweep {state.sweep} {said}")


def _facts(one: SeenSweep) -> dict[str, Any]:
    seconds, by = one.state.rest_s()
    return {
        **one.state.model_dump(mode="json"),
        "wanted": one.wanted,
        "condition": one.condition,
        "rest_s": seconds,
        "rest_by": by,
    }


def _print_sweep(one: SeenSweep, console: Console) -> None:
    from rich.table import Table

    from unharness.terminal import Text

    state = one.state
    owner = f"process {state.owner.pid} on {state.owner.host}"
    began = datetime.fromtimestamp(state.began, UTC).astimezone()
    console.print(Text(f"sweep {state.sweep} · {one.condition} · {owner}", "bold"))
    console.print(Text(f"  {state.command}"))
    console.print(
        f"  began {began:%Y-%m-%d %H:%M}; {state.cells} runs: {state.done_before} done before, "
        f"{state.done} done, {len(state.running)} running, {state.waiting} waiting, "
        f"{len(state.failed)} failed"
    )
    if one.condition == "dead":
        console.print("  its process is gone; repeat the command to go on")
    elif one.condition == "silent":
        console.print(f"  nothing was heard of it for {clock(time.time() - state.updated)}")
    elif one.condition != "ended":
        seconds, by = state.rest_s()
        rest = "unknown, without past records" if seconds is None else f"about {clock(seconds)}"
        console.print(f"  rest: {rest}{f', {by}' if seconds else ''}")
    table = Table.grid(padding=(0, 2, 0, 2))
    for cell in state.running if one.condition not in ("ended", "dead") else ():
        steps = f"{cell.stage} {cell.done}/{cell.total}" if cell.total else cell.stage
        for_so_long = clock(max(0.0, time.time() - cell.since))
        table.add_row(Text(cell.worker), Text(cell.label), Text(steps), for_so_long)
    for failed in state.failed:
        table.add_row("failed", Text(failed.label), Text(failed.error), "")
    if table.row_count:
        console.print(table)
