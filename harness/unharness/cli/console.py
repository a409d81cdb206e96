"""Where commands print: nothing leaves here with a control character of others in it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from unharness.safe_text import escape_controls, one_line, shortened, to_json

if TYPE_CHECKING:
    from unharness.terminal import Console

PIPE_WIDTH = 120
"""In characters: how wide output is where there is no terminal to ask."""
LONGEST_MESSAGE = 1800
"""In characters: of a line on stderr."""


def stdout_console() -> Console:
    """Return a console on stdout, as wide as the terminal, or as COLUMNS says."""
    from unharness.terminal import Console

    console = Console()
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PIPE_WIDTH
    return console


def echo(text: str, *, nl: bool = True) -> None:
    """Print a text on stdout."""
    click.echo(escape_controls(text), nl=nl)


def echo_json(value: Any) -> None:
    """Print a value as JSON on stdout."""
    click.echo(to_json(value))


def tell(text: str) -> None:
    """Print a message on stderr: one line of bounded length."""
    click.echo(shortened(one_line(text), LONGEST_MESSAGE), err=True)
