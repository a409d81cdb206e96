"""Text of others made safe to show: models, records, files and libraries may hold anything.

A control character can move a terminal's cursor, write its clipboard or reverse the text around
it. Every renderer passes what it shows through `escape_controls`, directly or by a console of
`unharness.terminal`.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from typing import Any

_CANDIDATES = re.compile(r"[^\n\t\x20-\x7e]")
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Controls, formats such as bidi overrides, lone surrogates, line and paragraph separators."""
_JOINERS = "\u200c\u200d"
"""Formats that Persian, Indic scripts and emoji need, and that move nothing."""
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
CUT = " […] "


def escape_controls(text: str) -> str:
    r"""Return a text with each control and format character written as `\x1b` or `\u202e`.

    Line feeds and tabs stay, `\r\n` becomes `\n`. Escaping twice changes nothing.
    """
    return _escaped(text.replace("\r\n", "\n"), _visible)


def one_line(text: str) -> str:
    """Return a text in one line, its control characters escaped, runs of white space as one."""
    return escape_controls(" ".join(text.split()))


def shortened(text: str, most: int) -> str:
    """Return a text of at most `most` characters: the middle of a longer one is cut out."""
    if len(text) <= most:
        return text
    kept = max(most - len(CUT), 2)
    tail = kept // 3
    return f"{text[: kept - tail]}{CUT}{text[-tail:]}"[:most]


def to_json(value: Any, *, indent: int | None = 1) -> str:
    r"""Return JSON for people and programs: the same values, control characters as `\u0085`.

    Raises:
        ValueError: a number is NaN or infinite, which JSON cannot hold.
    """
    separators = (",", ":") if indent is None else None
    text = json.dumps(
        value, indent=indent, ensure_ascii=False, allow_nan=False, separators=separators
    )
    return _escaped(text, _json_escape)


def csv_cell(value: Any) -> Any:
    """Return a cell that a spreadsheet takes for text or a number, never for a formula."""
    if not isinstance(value, str):
        return value
    text = _escaped(value, _visible).replace("\n", "\\n").replace("\t", "\\t")
    return f"'{text}" if value.startswith(_FORMULA_STARTS) and not _is_number(value) else text


def _escaped(text: str, write: Callable[[int], str]) -> str:
    def replaced(match: re.Match[str]) -> str:
        letter = match[0]
        unsafe = unicodedata.category(letter) in _UNSAFE_CATEGORIES and letter not in _JOINERS
        return write(ord(letter)) if unsafe else letter

    return _CANDIDATES.sub(replaced, text)


def _visible(code: int) -> str:
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escape(code: int) -> str:
    if code < 0x10000:
        return f"\\u{code:04x}"
    high, low = divmod(code - 0x10000, 0x400)
    return f"\\u{0xD800 + high:04x}\\u{0xDC00 + low:04x}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text == text.strip()
