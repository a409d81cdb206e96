"""What can go wrong, in words a user can act on.

Every error that a user can cause is an `UnharnessError`: the command line prints its message in
one line and leaves with its `exit_code`; anything else is a defect and shows a traceback.
"""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterable, Mapping
from typing import Any

from unharness.safe_text import one_line, shortened

LONGEST_MESSAGE = 1500
"""In characters: of any error's message. The middle of a longer one is cut out."""
LONGEST_VALUE = 80
"""In characters: of a value in a message."""
MOST_PROBLEMS = 5
LONGEST_NAME = 200
"""In characters: for a longer name nothing near is looked for."""


class UnharnessError(Exception):
    """Something failed; the message says what and how to mend it.

    The message is one line of bounded length, free of control characters, whatever names,
    values and reasons of libraries it is made of.
    """

    exit_code = 1

    def __init__(self, message: object = "") -> None:
        super().__init__(shortened(one_line(str(message)), LONGEST_MESSAGE))


class UsageError(UnharnessError):
    """The user asked for something that does not exist or is not allowed (exit code 2)."""

    exit_code = 2


class UnknownNameError(UsageError):
    """A name that nothing is registered under; the message offers the nearest known ones."""

    def __init__(self, kind: str, name: str, known: Iterable[str], note: str = "") -> None:
        message = f"unknown {kind} {name!r}.{suggestion(name, known)}"
        super().__init__(f"{message} {note}".rstrip())


class DataError(UnharnessError):
    """Data that is missing or malformed; the message names file, index and what was expected."""


class UnreachableError(DataError):
    """Data that only the hub has, which cannot be reached; no other error lets data fall back."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason
        """Why it cannot be reached, in a few words."""


class ModelError(UnharnessError):
    """A model or tokenizer that cannot be loaded or cannot be used."""


class MethodError(UnharnessError):
    """An unlearning method that cannot go on: a loss that is NaN, no gradient."""


class RecordError(UnharnessError):
    """A record that cannot be read, or cannot be written."""


class SchemaError(RecordError):
    """A record of another schema than this version of unharness reads."""


class ProcessError(UnharnessError):
    """A process of ours that died, or that cannot do what it was asked."""


class PluginError(UnharnessError):
    """A plugin that broke its contract."""


def refused_values(error: Any) -> str:
    """Return what a pydantic ValidationError refuses of a user's settings, as `name=value: why`.

    The one place, with `refused_place`, that writes such errors out.
    """
    problems = list(dict.fromkeys(map(_problem, error.errors())))
    more = len(problems) - MOST_PROBLEMS
    return "; ".join(problems[:MOST_PROBLEMS]) + (f"; and {more} more" if more > 0 else "")


def refused_place(error: Any) -> str:
    """Return the first thing that a pydantic ValidationError refuses of a file, as `a.b.0: why`."""
    first = error.errors()[0]
    place = shortened(".".join(map(str, first["loc"])), LONGEST_VALUE)
    return f"{place}: {_reason(first)}" if place else _reason(first)


def _problem(item: Mapping[str, Any]) -> str:
    if not item["loc"]:  # several values together
        return _reason(item)
    name = shortened(str(item["loc"][0]), LONGEST_VALUE)
    return f"{name}={short_value(item['input'])}: {_reason(item)}"


def _reason(item: Mapping[str, Any]) -> str:
    return shortened(item["msg"].removeprefix("Value error, "), 2 * LONGEST_VALUE)


def reason_of(error: BaseException) -> str:
    """Return the kind of an error that is not ours and what it says, in one bounded line."""
    words = one_line(str(error)) or "no reason given"
    return shortened(f"{type(error).__name__}: {words}", LONGEST_MESSAGE)


class _ShortRepr(reprlib.Repr):
    """A value as Python writes it; of what is long, deep or repeated, the beginning."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 3
        self.maxstring = self.maxother = self.maxlong = LONGEST_VALUE

    def repr_int(self, value: int, level: int) -> str:
        """Never write out a number whose digits Python refuses to write."""
        return repr(value) if abs(value) < 10**LONGEST_VALUE else "<a number of too many digits>"


def short_value(value: Any) -> str:
    """Return a value as messages show it, in at most `LONGEST_VALUE` characters."""
    return shortened(_ShortRepr().repr(value), LONGEST_VALUE)


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """Return the names that `name` may be a misspelling of, at most three, nearest first."""
    if len(name) > LONGEST_NAME:
        return []
    return difflib.get_close_matches(name, sorted(set(known)), n=3, cutoff=0.5)


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean …?" with the names nearest to `name`, or the list of all there are."""
    names = sorted(set(known))
    if near := nearest(name, names):
        return f" Did you mean {' or '.join(near)}?"
    return f" Known: {', '.join(names)}." if names else " None are registered."
