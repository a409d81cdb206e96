"""Digests of Python objects: equal content, equal digest; what cannot be seen has none."""

import random
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy
import pytest
import torch

from unharness.training.object_digest import object_digest


def counter() -> Any:
    seen = 0

    def call() -> int:
        nonlocal seen
        seen += 1
        return seen

    return call


def draw(source: Any) -> Any:
    torch.rand(1, generator=source)


class Slotted:
    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0


CHANGES: dict[str, tuple[Any, Any]] = {
    "a number": (lambda: [1.0], lambda it: it.append(2.0)),
    "nested": (lambda: {"a": [(1, {2})]}, lambda it: it["a"][0][1].add(3)),
    "a tensor": (lambda: {"t": torch.zeros(2)}, lambda it: it["t"].add_(1)),
    "an array": (lambda: [numpy.zeros(2)], lambda it: it[0].fill(1)),
    "python's generator": (lambda: random.Random(0), lambda it: it.random()),
    "torch's generator": (lambda: torch.Generator().manual_seed(0), draw),
    "numpy's generator": (lambda: numpy.random.default_rng(0), lambda it: it.random()),
    "an attribute": (lambda: SimpleNamespace(a=1), lambda it: setattr(it, "a", 2)),
    "a slot": (Slotted, lambda it: setattr(it, "value", 1)),
    "a closure": (counter, lambda it: it()),
    "a method's object": (lambda: [].append, lambda it: it(1)),
    "a built-in's object": (lambda: random.Random(0).random, lambda it: it()),
    "a partial's argument": (lambda: partial(print, []), lambda it: it.args[0].append(1)),
}


@pytest.mark.parametrize("case", CHANGES)
def test_a_change_is_seen_and_nothing_else_is(case: str):
    make, change = CHANGES[case]
    value = make()
    before = object_digest(value, {})
    assert before is not None
    assert object_digest(make(), {}) == before == object_digest(value, {})
    change(value)
    assert object_digest(value, {}) != before


@pytest.mark.parametrize("value", [iter([1]), (n for n in [1]), object()])
def test_what_cannot_be_looked_into_has_no_digest(value: Any):
    assert object_digest({"a": [value]}, {}) is None


def test_cycles_end_and_known_objects_count_as_what_stands_for_them():
    value: dict[str, Any] = {"a": 1}
    value["self"] = value
    assert object_digest(value, {}) is not None
    tensor = torch.zeros(1)
    holder = SimpleNamespace(weights=tensor)
    before = object_digest(holder, {id(tensor): None})
    tensor.add_(1)
    assert object_digest(holder, {id(tensor): None}) == before
