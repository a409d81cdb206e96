"""What can go wrong, in words a user can act on.

Every error that a user can cause is an `UnharnessError`: the command line prints its message in
one line and leaves with its `exit_code`; anything else is a defect and shows a traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any


class UnharnessError(Exception):
    """Something failed; the message says what and how to mend it."""

    exit_code = 1


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


class ModelError(UnharnessError):
    """A model or tokenizer that cannot be loaded or cannot be used."""


class MethodError(UnharnessError):
    """An unlearning method that cannot go on: a loss that is NaN, an empty region, no gradient."""


class RecordError(UnharnessError):
    """A record that cannot be read, or cannot be written."""


class SchemaError(RecordError):
    """A record of another schema than this version of unharness reads."""


class ProcessError(UnharnessError):
    """A process of ours that died, or that cannot do what it was asked."""


class PluginError(UnharnessError):
    """A plugin that broke its contract."""


def refused_values(error: Any) -> str:
    """Return what a pydantic ValidationError refuses, as `name=value: why`."""
    return "; ".join(
        f"{'.'.join(map(str, item['loc']))}={item.get('input')!r}: "
        f"{item['msg'].removeprefix('Value error, ')}"
        for item in error.errors()
    )


def suggestion(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean …?" with the names nearest to `name`, or the list of all there are."""
    names = sorted(set(known))
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        return f" Did you mean {' or '.join(near)}?"
    return f" Known: {', '.join(names)}." if names else " None are registered."
