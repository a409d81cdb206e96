"""Consoles and texts that let no control character of others through to the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import rich.console
import rich.text
from rich.segment import Segment
from rich.table import Table

from unharness.safe_text import escape_controls

UNBOUNDED = 10_000
"""In characters: a width that no table needs."""


class Text(rich.text.Text):
    """A text whose control characters are escaped before it is laid out; brackets mean nothing."""

    def __init__(self, text: str = "", *arguments: Any, **options: Any) -> None:
        super().__init__(escape_controls(text), *arguments, **options)

    def append(self, text: Any, style: Any = None) -> Text:
        """Append a string or a text."""
        super().append(escape_controls(text) if isinstance(text, str) else text, style)
        return self


class Console(rich.console.Console):
    """A console that escapes whatever it is given, and reads no markup in it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"markup": False, "emoji": False, **options})

    def render_str(self, text: str, **options: Any) -> rich.text.Text:
        """Escape a string before it is laid out: a table's cell, a title, what is printed."""
        return super().render_str(escape_controls(text), **options)

    def render(self, *arguments: Any, **options: Any) -> Iterable[Segment]:
        """Escape what came another way; rich's own sequences are marked as such."""
        for segment in super().render(*arguments, **options):
            if segment.control:
                yield segment
            else:
                yield Segment(escape_controls(segment.text), segment.style)


def table_width(table: Table, console: rich.console.Console) -> int:
    """Return how many characters a table needs."""
    return console.measure(table, options=console.options.update(width=UNBOUNDED)).maximum


def print_table(table: Table, console: rich.console.Console) -> None:
    """Print a table as wide as it needs: folded lines can be read, cut numbers mislead."""
    before = console.width
    console.width = max(before, table_width(table, console))
    try:
        console.print(table)
    finally:
        console.width = before
