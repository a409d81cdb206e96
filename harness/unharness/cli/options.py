"""Options that commands of every sort share."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from unharness import defaults
from unharness.cli.completion import complete

F = TypeVar("F", bound=Callable[..., Any])

results_option = click.option(
    "--results",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    envvar=defaults.RESULTS_VARIABLE,
    default=defaults.RESULTS,
    show_default=True,
    help="Folder of records.",
)

# `main` looks for the flag itself; a command only has to accept it.
debug_option = click.option(
    "--debug", is_flag=True, expose_value=False, help="Show a traceback for errors."
)


class FiniteRange(click.FloatRange):
    """A number within bounds that is neither NaN nor infinite."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number, or refuse it."""
        number = click.FLOAT.convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return float(super().convert(value, param, ctx))


def format_option(*choices: str) -> Callable[[F], F]:
    """Return `--format`, the first choice being the default; the parameter is called `form`."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(choices),
        default=choices[0],
        show_default=True,
        help="Output format.",
    )


def filter_option(kind: str, what: str, short: str = "") -> Callable[[F], F]:
    """Return an option that narrows a board to one task, model or column; repeatable.

    Args:
        kind: what is completed: `tasks`, `models` or `columns`.
        what: the flag's name, without dashes.
        short: a letter, if the flag has a short form.
    """
    return click.option(
        f"--{what}",
        *([f"-{short}"] if short else []),
        f"{what}s",
        multiple=True,
        shell_complete=complete(kind),
        metavar="NAME",
        help=f"Only this {'column' if kind == 'columns' else what}; repeatable.",
    )
