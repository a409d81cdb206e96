"""Tables that a script writes into a page, between two marks; what is outside of them stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def with_tables(page: str, begin: str, end: str, tables: str) -> str:
    """Return a page with these tables between its marks.

    Raises:
        ValueError: it lacks a mark.
    """
    before, _, rest = page.partition(begin)
    _, mark, after = rest.partition(end)
    if not mark:
        raise ValueError(f"the page lacks the marks {begin} and {end}")
    return f"{before}{begin}\n\n{tables}\n{end}{after}"


def rewrite(page: str, renewed: Callable[[str], str]) -> None:
    """Replace a file's text by what `renewed` makes of it."""
    path = Path(page)
    path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")
