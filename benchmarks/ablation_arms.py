"""The arms of the MemFlex ablation: which tensors move, and with which weights of the loss."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from unharness_methods.localisation import TensorScore, choose_region

WEIGHTS = {"0.4 / 2.0": (0.4, 2.0), "1 / 1": (1.0, 1.0)}
"""Of the ascent and the descent: MemFlex's, and equal ones."""
OURS, EQUAL = WEIGHTS
THRESHOLDS = {"narrow": ("q0.5", "q0.25"), "wide": ("q0.9", "q0.1")}
"""By located region, mu and sigma; wide is MemFlex's default here."""
RATES = (5e-4, 1.5e-3, 4e-3, 1e-2)


@dataclass(frozen=True)
class Arm:
    """One way to unlearn, but for its learning rate."""

    region: str
    """all; narrow, wide: located; same kinds, same shapes, elsewhere: drawn in the place of
    narrow; like wide: drawn in the place of wide."""
    embedding: bool = False
    """Whether the embedding moves, which is no part of a region here."""
    weights: str = OURS
    many: bool = field(default=False, compare=False)
    """Whether it has a run for every draw, not just for every seed."""

    @property
    def label(self) -> str:
        """The arm in words."""
        return f"{self.region}, {'embedding' if self.embedding else 'no embedding'}, {self.weights}"


LOCATED = Arm("narrow", many=True)
CONTROLS = ("same kinds", "same shapes", "elsewhere")
ARMS = (
    *(Arm("all", moved, weights) for moved in (True, False) for weights in WEIGHTS),
    LOCATED,
    *(Arm(name, many=name != "elsewhere") for name in CONTROLS),
    *(Arm(name, True) for name in ("narrow", "same shapes")),
    *(Arm(name, moved, EQUAL) for name in ("narrow", "same shapes") for moved in (True, False)),
    *(Arm(name, True, many=True) for name in ("wide", "like wide")),
    Arm("wide"),
    Arm("wide", True, EQUAL),
)
SHAM = "sham"


def is_embedding(score: TensorScore) -> bool:
    """Whether a tensor is the embedding, which `tiny` also has as its output layer."""
    return "embed_tokens" in score.name


def kind(score: TensorScore) -> str:
    """Return a tensor's name without its layer."""
    return re.sub(r"\.\d+\.", ".", score.name)


def tensors_of(arm: Arm, scores: Sequence[TensorScore], rng: random.Random) -> tuple[str, ...]:
    """Return the tensors that move, in the model's order.

    Args:
        arm: which.
        scores: of all tensors.
        rng: of the draw.
    """
    body = [one for one in scores if not is_embedding(one)]
    region = set(_region(arm.region, scores, body, rng))
    return tuple(
        one.name for one in scores if (arm.embedding if is_embedding(one) else one.name in region)
    )


def _region(
    name: str, scores: Sequence[TensorScore], body: Sequence[TensorScore], rng: random.Random
) -> Sequence[str]:
    if name == "all":
        return [one.name for one in body]
    where = "wide" if "wide" in name else "narrow"
    chosen = set(choose_region(scores, *THRESHOLDS[where]).names)
    inside = [one for one in body if one.name in chosen]
    outside = [one for one in body if one.name not in chosen]
    if name in THRESHOLDS:
        return [one.name for one in inside]
    if name == "elsewhere":
        return alike(inside, outside, rng, by_kind=True)
    if name == "like wide":  # so wide that what it leaves out is drawn
        left_out = _other_than(outside, lambda: alike(outside, body, rng))
        return [one.name for one in body if one.name not in left_out]
    return _other_than(inside, lambda: alike(inside, body, rng, by_kind=name == "same kinds"))


def _other_than(chosen: Sequence[TensorScore], draw: Callable[[], list[str]]) -> list[str]:
    """Draw until it is another set; a small model may have no other."""
    names = {one.name for one in chosen}
    for _ in range(100):
        if set(found := draw()) != names:
            break
    return found


def alike(
    chosen: Sequence[TensorScore],
    pool: Sequence[TensorScore],
    rng: random.Random,
    *,
    by_kind: bool = False,
) -> list[str]:
    """Draw a tensor like each of the chosen ones, none twice.

    Args:
        chosen: what to match: each by a tensor of its size; where none is left, of the nearest.
        pool: what may be drawn.
        rng: draws.
        by_kind: tensors of the same kind (the same module of any layer) are drawn first.
    """
    wanted, left = list(chosen), list(pool)
    rng.shuffle(wanted)
    rng.shuffle(left)
    found = []
    for one in wanted[: len(pool)]:

        def distance(other: TensorScore, one: TensorScore = one) -> tuple[bool, int]:
            return by_kind and kind(other) != kind(one), abs(other.parameters - one.parameters)

        best = min(left, key=distance)
        left.remove(best)
        found.append(best.name)
    return found


def settings(
    arm: Arm, rate: float, epochs: int, scores: Sequence[TensorScore], seed: int
) -> dict[str, Any]:
    """Return the hyperparameters of one run of an arm; its seed draws the tensors."""
    forget, retain = WEIGHTS[arm.weights]
    # Arms that differ in the embedding or the weights alone have the same draw.
    rng = random.Random(f"memflex ablation {arm.region} {seed}")
    return {
        "tensors": tensors_of(arm, scores, rng),
        "lr": rate,
        "epochs": epochs,
        "forget_weight": forget,
        "retain_weight": retain,
    }
