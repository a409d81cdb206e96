"""What the pages that are made from the code are written with: tables, escapes, docstrings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Sequence

_SECTION = re.compile(r"(Args|Returns|Raises|Yields):")


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a table of Markdown, without the columns that are empty in all rows."""
    kept = [at for at in range(len(heads)) if any(row[at] for row in rows)]
    lines = [[heads[at] for at in kept], *([row[at] for at in kept] for row in rows)]
    found = [f"| {' | '.join(line)} |" for line in lines]
    return [found[0], "|" + "---|" * len(kept), *found[1:]]


def escaped(text: str) -> str:
    """Return text in which Markdown finds nothing to mark up."""
    return re.sub(r"([\\|*<\[\]`])", r"\\\1", text)


def docstring(found: object) -> str:
    """Return an object's docstring as Markdown: paragraphs, and a list for each section."""
    text = inspect.cleandoc(found.__doc__ or "")
    return "\n\n".join(_paragraph(part) for part in re.split(r"\n\s*\n", text) if part.strip())


def _paragraph(text: str) -> str:
    head, *rest = text.splitlines()
    if _SECTION.fullmatch(head.strip()):
        items = "\n".join(f"- {_marked(item)}" for item in _items(rest))
        return f"**{head.strip().rstrip(':')}**\n\n{items}"
    if text.startswith("    ") or (rest and rest[0].startswith("    ")):
        return f"```text\n{text}\n```"
    return _marked(text)


def _marked(text: str) -> str:
    """Return text with its code, between backquotes, as code, and the rest escaped."""
    joined = " ".join(text.split())
    parts = re.split(r"(`[^`]+`)", joined)
    return "".join(part if part.startswith("`") else escaped(part) for part in parts)


def _items(lines: Sequence[str]) -> Iterator[str]:
    """Yield the items of a docstring's section, each with the lines that continue it."""
    first = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    item: list[str] = []
    for line in lines:
        if len(line) - len(line.lstrip()) == first and item:
            yield " ".join(item)
            item = []
        item.append(line.strip())
    if item:
        yield " ".join(item)
