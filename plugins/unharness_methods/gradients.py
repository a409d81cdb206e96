"""Sums, lengths and products of gradients that are kept apart by parameter.

Under FSDP each process holds a part of every gradient; lengths and products are of the whole.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from unharness import gather_full_tensor

if TYPE_CHECKING:
    from torch import Tensor

Gradients = Mapping[str, "Tensor"]


def added(terms: Sequence[Gradients]) -> dict[str, Tensor]:
    """Return the sum; a parameter that is missing in a term has a gradient of 0 there."""
    total: dict[str, Tensor] = {}
    for term in terms:
        for name, value in term.items():
            total[name] = total[name] + value if name in total else value
    return total


def product(one: Gradients, other: Gradients) -> float:
    """Return the dot product, over all parameters that both hold."""
    return sum(
        float(gather_full_tensor((one[name].float() * other[name].float()).sum()))
        for name in sorted(one.keys() & other.keys())
    )


def length(gradients: Gradients) -> float:
    """Return the L2 norm over all parameters."""
    return math.sqrt(product(gradients, gradients))


def plus(one: Gradients, other: Gradients, factor: float, own: float = 1.0) -> dict[str, Tensor]:
    """Return own · one + factor · other, by parameter."""
    found = {name: own * value for name, value in one.items()}
    return added([found, {name: factor * value for name, value in other.items()}])
