"""`unharness cache`: what lies in the cache, how large it is, and whether it is whole."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from unharness.cli.console import echo, echo_json, stdout_console, tell
from unharness.cli.groups import NearGroup
from unharness.cli.options import debug_option, format_option
from unharness.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from unharness.maintenance.cache_contents import CacheEntry, Leftover

EPILOG = """\b
Examples:
  unharness cache
  unharness cache list models
  unharness cache clear --older-than 30d
  unharness cache verify --fix
"""
LIST_EPILOG = """\b
Examples:
  unharness cache list
  unharness cache list models --format json
"""
SIZE_EPILOG = """\b
Examples:
  unharness cache size
  unharness cache size --format json
"""
CLEAR_EPILOG = """\b
Examples:
  unharness cache clear                       # only what dead processes left
  unharness cache clear unlearned --yes
  unharness cache clear --older-than 30d
  unharness cache clear --all
"""
VERIFY_EPILOG = """\b
Examples:
  unharness cache verify
  unharness cache verify models --fix
"""
UNITS = {"m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
_AGE = re.compile(r"(\d{1,6})([mhdw])")


def _complete_room(_ctx: click.Context, _parameter: click.Parameter, start: str) -> list[str]:
    from unharness.maintenance.cache_contents import room_names

    return [name for name in room_names() if name.startswith(start)]


_room_argument = click.argument("room", required=False, shell_complete=_complete_room)


@click.group("cache", cls=NearGroup, invoke_without_command=True, epilog=EPILOG)
@format_option("table", "json")
@debug_option
@click.pass_context
def cache_command(ctx: click.Context, form: str) -> None:
    """Show, check and clear the cache: models, unlearned weights, answers, hashes.

    All of it is made anew, or fetched again, when it is needed. UNHARNESS_CACHE names its folder.
    """
    if ctx.invoked_subcommand is None:
        _print_rooms(form)


@cache_command.command("list", epilog=LIST_EPILOG)
@_room_argument
@format_option("table", "json")
@debug_option
def list_command(room: str | None, form: str) -> None:
    """List the rooms of the cache, or what lies in one: size and last use."""
    if room is None:
        _print_rooms(form)
        return
    entries = _entries(room)
    if form == "json":
        echo_json([_facts(entry) for entry in entries])
        return
    from unharness.terminal import Text

    table = _table("entry", "size", "last use", "")
    for entry in reversed(entries):
        state = "in use" if entry.in_use else ""
        table.add_row(Text(_short(entry)), _size(entry.bytes), _day(entry.used), state)
    stdout_console().print(table)


@cache_command.command("size", epilog=SIZE_EPILOG)
@format_option("table", "json")
@debug_option
def size_command(form: str) -> None:
    """Print the cache's folder and its size on disk."""
    from unharness.cache import cache_dir, size_of

    total = size_of(cache_dir())
    if form == "json":
        echo_json({"folder": str(cache_dir()), "bytes": total})
    else:
        echo(f"{_size(total)}  {cache_dir()}")


@cache_command.command("clear", epilog=CLEAR_EPILOG)
@_room_argument
@click.option("--older-than", "age", metavar="AGE", help="Not used for so long: 30d, 12h, 2w.")
@click.option("--all", "everything", is_flag=True, help="Clear all rooms.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@debug_option
def clear_command(room: str | None, age: str | None, everything: bool, yes: bool) -> None:
    """Remove entries of ROOM, of an age, or all, after asking; and what dead processes left.

    What a running process makes or uses is left. Without ROOM, --older-than or --all only what
    dead processes left is removed.
    """
    from unharness.maintenance.cache_cleaning import remove_entry, remove_leftovers
    from unharness.maintenance.cache_contents import leftovers

    if room and everything:
        raise UsageError("give a room, or --all, not both")
    entries = _entries(room) if room or everything or age else []
    if age:
        before = time.time() - _seconds(age)
        entries = [entry for entry in entries if entry.used < before]
    left = [one for one in leftovers() if room in (None, one.path.parent.name)]
    if not entries and not left:
        echo("nothing to remove")
        return
    if not yes and not _agreed(entries, left):
        echo("nothing was removed")
        return
    gone = [entry for entry in entries if remove_entry(entry)]
    removed = remove_leftovers(left)
    freed = sum(one.bytes for one in gone) + sum(one.bytes for one in removed)
    echo(f"removed {_counted(gone, removed)}, {_size(freed)}")
    for entry in entries:
        if entry not in gone:
            tell(f"left: {entry.room}/{_short(entry)} is in use, or cannot be removed")


@cache_command.command("verify", epilog=VERIFY_EPILOG)
@_room_argument
@click.option("--fix", is_flag=True, help="Remove what is damaged, so that it is made anew.")
@format_option("table", "json")
@debug_option
def verify_command(room: str | None, fix: bool, form: str) -> None:
    """Check files against the hashes that were recorded when they were made.

    A gigabyte takes about a second. Exit code 1: something is damaged and was not removed.
    """
    from unharness.maintenance.cache_check import entry_problem
    from unharness.maintenance.cache_cleaning import remove_entry, remove_leftovers
    from unharness.maintenance.cache_contents import leftovers

    entries = [entry for entry in _entries(room) if not entry.in_use]
    found = [(one, problem) for one in entries if (problem := entry_problem(one, on_note=tell))]
    left = [one for one in leftovers() if room in (None, one.path.parent.name)]
    gone = [entry for entry, _ in found if fix and remove_entry(entry)]
    removed = remove_leftovers(left) if fix else []
    if form == "json":
        damaged = [
            _facts(entry) | {"problem": problem, "removed": entry in gone}
            for entry, problem in found
        ]
        shown = [{"path": str(one.path), "what": one.what, "bytes": one.bytes} for one in left]
        echo_json({"checked": len(entries), "damaged": damaged, "leftovers": shown})
    else:
        for entry, problem in found:
            state = "removed" if entry in gone else "damaged"
            echo(f"{state}: {entry.room}/{_short(entry)}: {problem}")
        echo(f"{len(entries)} entries checked, {len(found)} damaged, {len(left)} leftovers")
        if removed:
            echo(f"removed {_counted((), removed)}")
        elif found or left:
            echo("unharness cache verify --fix removes them; they are made anew when needed")
    if len(gone) < len(found):
        sys.exit(1)


def _entries(room: str | None) -> list[CacheEntry]:
    """Return the entries of a room, or of all.

    Raises:
        UnknownNameError: there is no such room.
    """
    from unharness.maintenance.cache_contents import ROOMS, cache_entries, room_names

    known = [*ROOMS, *room_names()]
    if room is not None and room not in known:
        raise UnknownNameError("room of the cache", room, known)
    return cache_entries(room)


def _print_rooms(form: str) -> None:
    from unharness.cache import cache_dir
    from unharness.maintenance.cache_contents import ROOMS, cache_entries, leftovers, room_names
    from unharness.terminal import Text

    rows = []
    for room in room_names():
        entries = cache_entries(room)
        used = max((entry.used for entry in entries), default=None)
        size = sum(entry.bytes for entry in entries)
        rows.append((room, len(entries), size, used))
    left = leftovers()
    if form == "json":
        rooms = [
            {"room": room, "entries": count, "bytes": size, "used": _moment(used)}
            for room, count, size, used in rows
        ]
        echo_json({"folder": str(cache_dir()), "rooms": rooms, "leftovers": len(left)})
        return
    table = _table("room", "entries", "size", "last use", "what it holds")
    for room, count, size, used in rows:
        what = ROOMS.get(room, "of another version of unharness")
        table.add_row(Text(room), str(count), _size(size), _day(used), what)
    console = stdout_console()
    console.print(table)
    total = sum(size for _, _, size, _ in rows)
    console.print(Text(f"\n{_size(total)} in {cache_dir()}"))
    if left:
        waste = _size(sum(one.bytes for one in left))
        console.print(f"{len(left)} leftovers of dead processes, {waste}: unharness cache clear")


def _agreed(entries: Sequence[CacheEntry], left: Sequence[Leftover]) -> bool:
    """Ask before anything is removed; return whether the answer is yes.

    Raises:
        UsageError: nobody is there to answer.
    """
    size = _size(sum(one.bytes for one in entries) + sum(one.bytes for one in left))
    rooms = f" of {', '.join(sorted({entry.room for entry in entries}))}" if entries else ""
    what = f"{_counted(entries, left)}{rooms}, {size}"
    if not sys.stdin.isatty():
        raise UsageError(f"{what}: give --yes to remove this")
    return click.confirm(f"Remove {what}?")


def _counted(entries: Sequence[CacheEntry], left: Sequence[Leftover]) -> str:
    """Return how many entries and leftovers there are, in words."""
    counts = [
        (len(entries), "entry", "entries"),
        (len(left), "leftover of a dead process", "leftovers of dead processes"),
    ]
    found = [f"{count} {one if count == 1 else many}" for count, one, many in counts if count]
    return " and ".join(found) or "nothing"


def _table(*headings: str) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in headings:
        right = heading in ("entries", "size")
        table.add_column(heading, justify="right" if right else "left", overflow="fold")
    return table


def _facts(entry: CacheEntry) -> dict[str, Any]:
    return {
        "room": entry.room,
        "path": str(entry.path),
        "bytes": entry.bytes,
        "used": _moment(entry.used),
        "in_use": entry.in_use,
    }


def _short(entry: CacheEntry) -> str:
    """Return an entry's name; of a hash the beginning."""
    from unharness.maintenance.cache_contents import KEY

    return entry.path.name[:16] if KEY.fullmatch(entry.path.stem) else entry.path.name


def _seconds(age: str) -> float:
    found = _AGE.fullmatch(age)
    if found is None:
        raise UsageError(f"--older-than {age}: expected a number and m, h, d or w, such as 30d")
    return int(found[1]) * UNITS[found[2]]


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def _moment(seconds: float | None) -> str | None:
    return (
        None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat("T", "seconds")
    )


def _day(seconds: float | None) -> str:
    return "–" if seconds is None else f"{datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M}"
