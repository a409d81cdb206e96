"""Names on stderr what a report leaves out because it cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unharness.cli.console import tell

if TYPE_CHECKING:
    from unharness.report.rows import Board


def warn_of(board: Board) -> None:
    """Print one line for each skipped record."""
    for text in board.warnings:
        warn(text)


def warn(text: str) -> None:
    """Print one warning to stderr."""
    tell(f"warning: {text}")
