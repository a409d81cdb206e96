"""Which of RWKU's persons are to be forgotten, by name or by number."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

from unharness import UsageError

_RANGE = re.compile(r"(\d+)\s*-\s*(\d+)")


def chosen_persons(asked: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return the persons that a user names, in RWKU's order.

    Args:
        asked: names in any case, numbers from 1 in RWKU's order, or ranges of numbers as in 1-10.
        known: all persons, in order.

    Raises:
        UsageError: there is no such person; says which are near.
    """
    by_name = {name.casefold(): name for name in known}
    found: set[str] = set()
    for text in asked:
        if name := by_name.get(text.strip().casefold()):
            found.add(name)
            continue
        numbers = _RANGE.fullmatch(text.strip())
        first, last = numbers.groups() if numbers else (text.strip(), text.strip())
        if not (first.isdecimal() and last.isdecimal()):
            near = get_close_matches(text.casefold(), by_name, n=3, cutoff=0.5)
            names = ", ".join(by_name[one] for one in near)
            hint = f"Did you mean {names}?" if near else f"Known are {', '.join(known[:3])} …"
            raise UsageError(f"subjects: RWKU has no person {text!r:.60}. {hint}")
        if int(first) > int(last):
            raise UsageError(f"subjects: the range {text} runs backwards; expected {last}-{first}")
        if not 1 <= int(first) <= int(last) <= len(known):
            raise UsageError(f"subjects: {text} is outside of the persons 1 to {len(known)}")
        found.update(known[int(first) - 1 : int(last)])
    return [name for name in known if name in found]
