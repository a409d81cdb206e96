"""The profile of a run, as `unharness run --profile` prints it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from unharness.pipeline.profile import RunProfile
from unharness.terminal import Console, Text

SHOWN = 10
"""Stages and operators."""


def print_profile(found: RunProfile, traces: Sequence[Path]) -> None:
    """Print the dearest stages and operators on stderr, and where the traces are."""
    console = Console(stderr=True)
    stages = _table("dearest stages", "s", "share")
    total = sum(found.stages.values()) or 1.0
    for name, seconds in found.dearest_stages(SHOWN):
        stages.add_row(name, f"{seconds:.2f}", f"{100 * seconds / total:.0f}%")
    console.print(stages)
    if not traces:
        console.print(Text("profile: nothing was trained, so there is no trace; --force trains"))
        return
    steps = found.trainings.steps
    operators = _table(f"dearest operators of torch, by self time in {steps} steps", "ms", "calls")
    for name, seconds, calls in found.dearest_operators(SHOWN):
        operators.add_row(name, f"{1000 * seconds:.1f}", str(calls))
    console.print(operators)
    for path in traces:
        line = f"trace   {path} (chrome://tracing or ui.perfetto.dev opens it)"
        console.print(line, soft_wrap=True, highlight=False)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=None)
    table.add_column("", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right")
    return table
