"""What `unharness tune --dry-run` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from unharness.terminal import Console

if TYPE_CHECKING:
    from unharness.sweeps.plan import SweepPlan
    from unharness.sweeps.preview import Preview, Search


def print_preview(found: Preview, console: Console) -> None:
    """Print what would be tried of every method, and which reference rows and targets lack."""
    table = Table(box=None, pad_edge=False)
    for name in ("method", "tuned", "trials", "finalist runs", "final runs"):
        folds = name in ("method", "tuned")
        table.add_column(
            name, justify="left" if folds else "right", overflow="fold", no_wrap=not folds
        )
    for method, search in found.searches.items():
        tuned = ", ".join(f"{name}: {bounds}" for name, bounds in search.space.items())
        counts = (_trials(search), str(search.finalist_runs), str(found.final_runs))
        table.add_row(method, tuned or "nothing: its defaults are run", *counts)
    console.print(table)
    console.print()
    for name, plan in (
        ("reference rows of the validation part", found.validation),
        ("reference rows beside the final runs", found.references),
    ):
        text = "none" if plan is None else _states(plan)
        console.print(f"{name}: {text}", markup=False, highlight=False, soft_wrap=True)


def _trials(search: Search) -> str:
    text = "until the time is over" if search.trials is None else str(search.trials)
    return f"{text} ({search.tried} done)" if search.tried else text


def _states(plan: SweepPlan) -> str:
    done, targets = len(plan.cells) - len(plan.left), len(plan.missing_targets)
    trained = f"; {targets} target{'s' * (targets != 1)} to train" if targets else ""
    return f"{len(plan.cells)} runs, {done} done{trained}"
