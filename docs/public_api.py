"""Write down what plugins may rely on: the public names with their signatures, and the hooks.

    python docs/public_api.py tests/core/public_api.json

It refuses to replace a snapshot of the same or a higher `unharness.API_VERSION` that has another
API, or where the version says less than the change: what goes or changes raises the first number,
what is added the second.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import sys
import types
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

import unharness
from unharness import hookspecs

Api = dict[str, list[str]]
"""By name, as in `LossMethod.loss`: what it is, its parameters, what it returns."""
SIMPLE = (str, int, float, bool, type(None))


def public_api() -> Api:
    """Return every public name with what is public of it, sorted."""
    found: Api = {}
    for name in unharness.__all__:
        if not name.startswith("__"):
            found |= dict(_described(name, getattr(unharness, name)))
    for name, value in _for_tests().items():
        found |= dict(_described(f"testing.{name}", value))
    for name, hook in vars(hookspecs).items():
        if name.startswith("unharness_"):
            found[f"hook {name}"] = ["function", *_signature(hook)]
    return dict(sorted(found.items()))


def changes(old: Api, new: Api) -> tuple[list[str], list[str]]:
    """Return what breaks plugins that were written for the old API, and what is merely new."""
    breaking = [f"{name} is gone" for name in old if name not in new]
    added = []
    for name, what in new.items():
        if name in old:
            if what == old[name]:
                continue
            verdict = added if _takes_as_much(old[name], what) else breaking
            verdict.append(f"{name} is now {_in_words(what)}, was {_in_words(old[name])}")
        else:
            parent = name.rpartition(".")[0]
            abstract = what[0].startswith("abstract") and parent in old
            (breaking if abstract else added).append(f"{name} is new")
    return breaking, added


def enough(old: str, new: str, breaking: bool) -> bool:
    """Return whether a version says of a change, after an older one, what it should."""
    before, after = _numbers(old), _numbers(new)
    return after[0] > before[0] if breaking else after > before


def main(snapshot: str) -> None:
    """Write the snapshot."""
    path, version, found = Path(snapshot), unharness.API_VERSION, public_api()
    if path.exists():
        old = json.loads(path.read_text(encoding="utf-8"))
        breaking, added = changes(old["names"], found)
        if (breaking or added) and not enough(old["version"], version, bool(breaking)):
            sys.exit(
                "\n".join([*breaking, *added])
                + f"\nAPI_VERSION is {version}, the snapshot's {old['version']}: raise its "
                f"{'first' if breaking else 'second'} number in harness/unharness/__init__.py"
            )
    path.write_text(rendered(version, found), encoding="utf-8")


def rendered(version: str, api: Api) -> str:
    """Return a snapshot as JSON, a name a line."""
    lines = [
        f"{json.dumps(name)}: {json.dumps(what, ensure_ascii=False)}" for name, what in api.items()
    ]
    return f'{{"version": {json.dumps(version)}, "names": {{\n' + ",\n".join(lines) + "\n}}\n"


def _described(name: str, value: Any) -> Iterator[tuple[str, list[str]]]:
    if isinstance(value, type):
        bases = [base.__name__ for base in value.__bases__ if base is not object]
        yield name, ["class", *bases]
        yield from _members(name, value)
    elif inspect.isfunction(value):
        yield name, ["function", *_signature(value)]
    elif isinstance(value, SIMPLE):
        yield name, ["value", type(value).__name__]
    elif hasattr(value, "__origin__") or isinstance(value, types.UnionType):
        yield name, ["type", str(value)]
    else:
        yield name, ["object", type(value).__name__]


def _members(name: str, owner: type) -> Iterator[tuple[str, list[str]]]:
    """Yield what is public of a class, without what it has from a public class as it is there."""
    model = issubclass(owner, BaseModel)
    fields = owner.model_fields if model else {}
    known: set[str] = set()
    for parent in owner.__mro__:
        if not parent.__module__.startswith("unharness.") or parent in _public_classes() - {owner}:
            continue
        annotated = vars(parent).get("__annotations__", {})
        for member in (*annotated, *vars(parent)):
            constructor = member == "__init__" and not model
            hidden = member.startswith(("_", "model_", "test_")) and not constructor
            if member in known or hidden:
                continue
            known.add(member)
            if member in fields:
                what = ["field", _annotation(owner, member), *_default(fields[member])]
                yield f"{name}.{member}", what
            elif member in annotated:
                yield f"{name}.{member}", ["attribute", _annotation(owner, member)]
            else:
                yield from _member(f"{name}.{member}", owner, member, vars(parent)[member])


@cache
def _public_classes() -> frozenset[type]:
    """Return the public classes, and the models of settings within them."""
    found = [getattr(unharness, name) for name in unharness.__all__]
    classes = {one for one in (*found, *_for_tests().values()) if isinstance(one, type)}
    inner = {one for owner in classes for one in vars(owner).values() if isinstance(one, type)}
    return frozenset(classes | inner)


def _for_tests() -> dict[str, Any]:
    """Return the public names of `unharness.testing`, for the tests of plugins."""
    if importlib.util.find_spec("unharness.testing") is None:
        return {}
    testing = importlib.import_module("unharness.testing")
    return {name: getattr(testing, name) for name in testing.__all__}


def _member(name: str, owner: type, member: str, value: Any) -> Iterator[tuple[str, list[str]]]:
    abstract = "abstract " if getattr(value, "__isabstractmethod__", False) else ""
    if isinstance(value, classmethod | staticmethod):
        yield name, [abstract + type(value).__name__, *_signature(value.__func__)]
    elif isinstance(value, property):
        yield name, [f"{abstract}property", *_signature(value.fget)[1:]]
    elif inspect.isfunction(value):
        yield name, [f"{abstract}method", *_signature(value)]
    elif isinstance(value, type) and issubclass(value, BaseModel):
        yield name, ["class", *(base.__name__ for base in value.__bases__)]
        yield from _members(name, value)
    else:
        yield name, ["attribute", _annotation(owner, member)]


def _signature(function: Any) -> list[str]:
    found = inspect.signature(function)
    parts, star = [], False
    for parameter in found.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not star:
            parts.append("*")
        star = star or parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL)
        parts.append(_parameter(parameter))
    returned = found.return_annotation
    return parts if returned is found.empty else [*parts, f"-> {_type(returned)}"]


def _parameter(one: inspect.Parameter) -> str:
    """Return a parameter as it is written; … for a default that has no short form."""
    star = {one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}.get(one.kind, "")
    annotation = "" if one.annotation is one.empty else f": {_type(one.annotation)}"
    if one.default is one.empty:
        return f"{star}{one.name}{annotation}"
    return f"{one.name}{annotation} = {_short(one.default)}"


def _short(value: Any) -> str:
    return repr(value) if isinstance(value, SIMPLE) else "…"


def _annotation(owner: type, member: str) -> str:
    for parent in owner.__mro__:
        if member in (found := vars(parent).get("__annotations__", {})):
            return _type(found[member])
    return ""


def _type(value: Any) -> str:
    if isinstance(value, str):
        return value
    return value.__name__ if isinstance(value, type) else str(value)


def _default(field: FieldInfo) -> list[str]:
    return [] if field.is_required() else [f"= {_short(field.default)}"]


def _takes_as_much(old: list[str], new: list[str]) -> bool:
    """Return whether all that could be given is still there, and what is new has a default."""
    rest = iter(new)
    if not all(part in rest for part in old):
        return False
    more = [part for part in new if part not in old]
    return old[0] in ("function", "method", "classmethod", "staticmethod") and all(
        "=" in part or part.startswith("*") for part in more
    )


def _in_words(what: list[str]) -> str:
    return f"{what[0]} ({', '.join(what[1:])})"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def names_by_room(homes: Mapping[str, tuple[str, ...]]) -> dict[str, list[str]]:
    """Return the public names by the room that they come from, for the page of the API."""
    rooms: dict[str, list[str]] = {}
    for home, names in homes.items():
        rooms.setdefault(home.partition(".")[0], []).extend(names)
    return {room: sorted(names) for room, names in sorted(rooms.items())}


if __name__ == "__main__":
    main(*sys.argv[1:])
