"""Where commands print their tables."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

PIPE_WIDTH = 120
"""In characters: how wide output is where there is no terminal to ask."""


def stdout_console() -> Console:
    """Return a console on stdout, as wide as the terminal, or as COLUMNS says."""
    from rich.console import Console

    console = Console()
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PIPE_WIDTH
    return console
