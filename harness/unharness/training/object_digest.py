"""A digest of what Python objects hold: whether a training changed more than weights."""

from __future__ import annotations

import enum
import functools
import hashlib
import random
import re
import types
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy
import torch

PLAIN = (
    *(type(None), bool, int, float, complex, str, bytes, type(...), range, slice),
    *(enum.Enum, Path, re.Pattern, numpy.generic, numpy.dtype, torch.dtype, torch.device),
)
"""Types whose `repr` says all that a value holds."""
NAMED = (type, types.BuiltinFunctionType, types.ModuleType)
"""Types whose values are known by their names."""


class _Unknown(Exception):
    """An object cannot be looked into."""


def object_digest(value: object, known: Mapping[int, object]) -> str | None:
    """Return a digest of a value and of all that is reached from it.

    Equal values have equal digests in all processes. What lies in C alone, such as an iterator's
    position, cannot be seen.

    Args:
        value: any.
        known: by `id`: what stands for an object, such as None for one that counts elsewhere.

    Returns:
        32 hexadecimal digits; None where an object cannot be looked into.
    """
    walk = _Walk(known)
    try:
        walk.visit(value)
    except (_Unknown, RecursionError):
        return None
    return walk.digest.hexdigest()


class _Walk:
    def __init__(self, known: Mapping[int, object]) -> None:
        self.digest = hashlib.blake2b(digest_size=16)
        self._known = known
        self._met: dict[int, tuple[int, object]] = {}
        """By `id`: the number of an object, and the object itself, so that ids stay its own."""

    def visit(self, value: Any) -> None:
        """Add a value to the digest."""
        if id(value) in self._known:
            value = self._known[id(value)]
        self._add(f"{type(value).__module__}.{type(value).__qualname__}")
        if isinstance(value, PLAIN):
            self._add(repr(value))
        elif isinstance(value, NAMED):
            self._add(f"{getattr(value, '__module__', '')}.{value.__name__}")
            self.visit(getattr(value, "__self__", None))  # of a method in C
        elif isinstance(value, tuple):
            self._all(value)
        elif id(value) in self._met:
            self._add(f"met {self._met[id(value)][0]}")
        else:
            self._met[id(value)] = (len(self._met), value)
            self._inside(value)

    def _inside(self, value: Any) -> None:
        if isinstance(value, torch.Tensor):
            flat = value.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
            self._add(f"{value.dtype} {tuple(value.shape)}", flat.numpy().tobytes())
        elif isinstance(value, numpy.ndarray):
            if value.dtype.hasobject:
                raise _Unknown
            self._add(f"{value.dtype} {value.shape}", value.tobytes())
        elif isinstance(value, torch.Generator):
            self.visit(value.get_state())
        elif isinstance(value, random.Random):
            self.visit(value.getstate())
        elif isinstance(value, numpy.random.Generator):
            self.visit(value.bit_generator.state)
        elif isinstance(value, list | deque):
            self._all(value)
            self._attributes(value)
        elif isinstance(value, dict):
            self._all(part for item in value.items() for part in item)
            self._attributes(value)
        elif isinstance(value, set | frozenset):
            self._all(sorted(_own_digest(entry, self._known) for entry in value))
        elif isinstance(value, types.FunctionType):
            self._function(value)
        elif isinstance(value, types.MethodType):
            self._all((value.__self__, value.__func__))
        elif isinstance(value, functools.partial):
            self._all((value.func, value.args, value.keywords))
        elif not self._attributes(value):
            raise _Unknown

    def _function(self, value: types.FunctionType) -> None:
        self._add(f"{value.__module__}.{value.__qualname__}")
        self._all((*_contents(value), value.__defaults__, value.__kwdefaults__, vars(value)))

    def _attributes(self, value: object) -> bool:
        """Add what an object's attributes hold; return whether it can have any."""
        slots = [
            name
            for parent in type(value).__mro__
            for name in _names(vars(parent).get("__slots__", ()))
            if hasattr(value, name) and name not in ("__dict__", "__weakref__")
        ]
        for name in slots:
            self._all((name, getattr(value, name)))
        if hasattr(value, "__dict__"):
            self._all(part for item in vars(value).items() for part in item)
        return bool(slots) or hasattr(value, "__dict__")

    def _all(self, values: Iterable[object]) -> None:
        self._add("(")
        for value in values:
            self.visit(value)
        self._add(")")

    def _add(self, *parts: str | bytes) -> None:
        for part in parts:
            content = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
            self.digest.update(len(content).to_bytes(8, "little") + content)


def _own_digest(value: object, known: Mapping[int, object]) -> str:
    found = object_digest(value, known)
    if found is None:
        raise _Unknown
    return found


def _contents(function: types.FunctionType) -> Iterator[object]:
    """Yield what a function holds of the places where it was defined."""
    for cell in function.__closure__ or ():
        with suppress(ValueError):  # not set yet
            yield cell.cell_contents


def _names(slots: str | Iterable[str]) -> Iterable[str]:
    return (slots,) if isinstance(slots, str) else slots
