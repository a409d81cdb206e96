"""What tuning found, on the screen: what every method was given, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean
from typing import TYPE_CHECKING

from rich.table import Table

from unharness.sweeps.trial import Budget
from unharness.terminal import Console

if TYPE_CHECKING:
    from unharness.sweeps.study import Study


def print_effort(studies: Sequence[Study], console: Console) -> None:
    """Print how many runs every method had and what unlearning took in them, and warnings.

    `measured` is the number of models that were measured: of trials with checkpoints, several.
    """
    table = Table(box=None, pad_edge=False, title="tuning: what every method was given")
    names = ("method", "trials", "finalist runs", "measured", "steps", "examples", "tokens")
    for name in (*names, "seconds"):
        table.add_column(name, justify="left" if name == "method" else "right", overflow="fold")
    for study in studies:
        trials, finals = study.trials, study.final_runs
        total = Budget.total(run.training for run in (*trials, *finals))
        measured = sum(run.evaluations for run in (*trials, *finals))
        counts = (len(trials), len(finals), measured)
        numbers = (*counts, total.steps, total.examples, total.tokens)
        seconds = f"{total.seconds:,.0f}"
        table.add_row(_name(study, studies), *(f"{number:,}" for number in numbers), seconds)
    console.print(table)
    for study in studies:
        for edge in study.edges():
            line = f"warning: {study.label}: {edge}"
            console.print(line, style="yellow", markup=False, soft_wrap=True)


def print_chosen(studies: Sequence[Study], console: Console) -> None:
    """Print the hyperparameters that were chosen, with what they gave at every step."""
    table = Table(box=None, pad_edge=False, title="chosen hyperparameters")
    names = ("method", "objective", "best trial", "validation", "evaluation", "hyperparameters")
    for name in names:
        table.add_column(name, overflow="fold")
    for study in studies:
        best, chosen = study.best, study.chosen
        values = (
            best and best.value,
            chosen.value if chosen and chosen.confirmed else None,
            mean(study.evaluation.values()) if study.evaluation else None,
        )
        settings = chosen.settings if chosen else {}
        table.add_row(
            _name(study, studies),
            study.objective.label,
            *(f"{value:.1f}" if value is not None else "–" for value in values),
            ", ".join(f"{name}={value}" for name, value in settings.items()),
        )
    console.print(table)
    if any(study.evaluation for study in studies):
        notes = ["'best trial' is the largest of many and so too good"]
        if any(study.chosen and study.chosen.confirmed for study in studies):
            notes.append("'validation' is of seeds that no trial had")
        notes.append("'evaluation' is of questions that tuning never saw")
        console.print("; ".join(notes), style="dim", soft_wrap=True)


def _name(study: Study, studies: Sequence[Study]) -> str:
    """Return the method; task and model too where several are tuned."""
    places = {(one.request.task, one.request.shown_model) for one in studies}
    return study.label if len(places) > 1 else study.request.method
