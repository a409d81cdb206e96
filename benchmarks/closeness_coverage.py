"""How often the 95% interval of closeness holds the true value, simulated.

Examples' scores are drawn from known models, retrained ones and an unlearning method among them: on
the logit scale a level by role, an effect of each model, one of each question and the rest. Target
and base model have no effect of their own, so that what is true does not depend on them.

Two true values, both over many questions and seeds: `any` with many retrained models, and `same`
with as many as the interval was made from (closeness has a bias that falls with their number). For
one seed they are those of that run.
Writes benchmarks/results/closeness_coverage.json.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy

from unharness.records.per_example import KNOWN, SAID, SplitNumbers, example_key
from unharness.report.closeness import ClosenessScale, References

OUT = Path(__file__).parent / "results" / "closeness_coverage.json"
QUESTIONS, MANY_QUESTIONS, FEWER_QUESTIONS = 110, 6000, 800
"""By split: of an interval, for the true value with many retrained models, and with few."""
MANY_RETRAINED, DRAWS = 100, 300
"""For the true values: retrained models, and draws of as few as the interval has."""
GRID = numpy.linspace(-3.0, 3.0, 13)
"""Effects of the method's seed for which the true value is computed, in standard deviations."""
RETRAINED, SEEDS = (2, 3), (1, 3, 5)
LEVELS = {"retrained": (-1.0, 2.0), "target": (3.0, 2.0), "base": (-1.0, -1.5)}
"""Logits on what is forgotten and what is kept."""
QUESTION, REST = 1.2, 0.6
"""Standard deviations of the questions' effects and of the rest."""


@dataclass(frozen=True)
class Case:
    """A method, and how much models of one kind differ."""

    name: str
    forget: float
    """Logit of the method on what is forgotten."""
    retain: float
    retrained_spread: float
    seed_spread: float
    binary: bool = False
    """Whether scores are right or wrong, as of choices."""


CASES = (
    Case("middle, all alike", 0.5, 1.0, 0.2, 0.2),
    Case("middle, seeds differ", 0.5, 1.0, 0.1, 0.6),
    Case("middle, retrained differ", 0.5, 1.0, 0.5, 0.1),
    Case("near the retrained", -0.8, 1.8, 0.2, 0.2),
    Case("far", 2.5, 1.0, 0.2, 0.2),
    Case("hardly unlearned", 2.9, 1.8, 0.2, 0.2),
    Case("middle, right or wrong", 0.5, 1.0, 0.2, 0.2, binary=True),
)


class World:
    """Questions, and models that answer them."""

    def __init__(self, rng: numpy.random.Generator, questions: int, *, binary: bool) -> None:
        """Draw the questions' effects, by role and by way to ask; the two ways are alike."""
        self._rng, self._binary = rng, binary
        shared = rng.normal(0, QUESTION, (2, 1, questions))
        self._effects = shared + rng.normal(0, 0.3, (2, 2, questions))
        self._keys = tuple(map(example_key, map(str, range(questions))))
        self._groups = numpy.arange(questions)

    def model(self, levels: tuple[float, float], effect: float = 0.0) -> dict[str, SplitNumbers]:
        """Return the scores of one model."""
        logits = numpy.array(levels)[:, None, None] + effect + self._effects
        logits = logits + self._rng.normal(0, REST, logits.shape)
        scores = 1.0 / (1.0 + numpy.exp(-logits))
        if self._binary:
            scores = (self._rng.random(scores.shape) < scores).astype(float)
        return {
            role: SplitNumbers(
                role, self._keys, self._groups, {}, {KNOWN: found[0], SAID: found[1]}
            )
            for role, found in zip(("forget", "retain"), scores, strict=True)
        }

    def scale(self, effects: Any) -> ClosenessScale:
        """Return what measures closeness to retrained models of these effects."""
        retrained = [self.model(LEVELS["retrained"], one) for one in effects]
        target, base = self.model(LEVELS["target"]), self.model(LEVELS["base"])
        return ClosenessScale(References(retrained, {0: target}, [base]))


def whole(case: Case, world: World, scale: ClosenessScale, effects: Any) -> Any:
    """Return the row of a method's runs with these effects."""
    runs = [world.model((case.forget, case.retain), effect) for effect in effects]
    found = scale.measure(tuple((0, seed) for seed in range(len(runs))), runs)
    return None if found is None else found.whole


def fast(case: Case, world: World, scale: ClosenessScale, effects: Any) -> Any:
    """Return each run's closeness by the definition, independent of the harness's own code."""
    references = scale.references
    runs = [world.model((case.forget, case.retain), effect) for effect in effects]
    count = len(references.retrained)
    parts = []
    for role, far in (("forget", references.targets[0]), ("retain", references.bases[0])):
        for way in (KNOWN, SAID):
            gold = numpy.stack([one[role].answers[way] for one in references.retrained])
            centre = gold.mean(axis=0)
            others = (gold.sum(axis=0) - gold) / (count - 1)
            floor = numpy.abs(gold - others).mean()
            floor *= numpy.sqrt((1 + 1 / count) / (1 + 1 / (count - 1)))
            span = numpy.abs(far[role].answers[way] - centre).mean() - floor
            own = numpy.array([numpy.abs(run[role].answers[way] - centre).mean() for run in runs])
            parts.append(numpy.clip(1 - (own - floor) / span, 1e-15, 1))
    return 100 * 4 / sum(1 / part for part in parts)


def truths(case: Case, rng: numpy.random.Generator, count: int | None) -> Any:
    """Return the true closeness for each effect of GRID, with `count` retrained models."""
    found = []
    for _ in range(4 if count is None else DRAWS):
        world = World(rng, MANY_QUESTIONS if count is None else FEWER_QUESTIONS, binary=case.binary)
        number = count or MANY_RETRAINED
        scale = world.scale(rng.normal(0, case.retrained_spread, number))
        found.append(fast(case, world, scale, GRID * case.seed_spread))
    return numpy.mean(found, axis=0)


def line(case: Case, trials: int, rng: numpy.random.Generator, known: Any, k: int, s: int) -> Any:
    """Return how often an interval of `k` retrained models and `s` seeds holds what is true."""
    weights = numpy.exp(-(GRID**2) / 2)
    means = {name: float((weights * grid).sum() / weights.sum()) for name, grid in known.items()}
    held = {"any": 0, "same": 0}
    got, widths, none = [], [], 0
    for _ in range(trials):
        world = World(rng, QUESTIONS, binary=case.binary)
        scale = world.scale(rng.normal(0, case.retrained_spread, k))
        effects = rng.normal(0, 1, s)
        row = whole(case, world, scale, effects * case.seed_spread)
        interval = None if row is None else row.estimate().percent_interval(counted=False)
        if interval is None:
            none += 1
            continue
        got.append(row.value)
        widths.append(interval[1] - interval[0])
        for name, grid in known.items():
            true = float(numpy.interp(effects[0], GRID, grid)) if s == 1 else means[name]
            held[name] += interval[0] - 1e-9 <= true <= interval[1] + 1e-9
    done = trials - none
    return (
        {"case": case.name, "retrained": k, "seeds": s}
        | {f"holds_{name}": round(100 * count / done, 1) for name, count in held.items()}
        | {f"true_{name}": round(mean, 1) for name, mean in means.items()}
        | {"mean": round(float(numpy.mean(got)), 1)}
        | {"median_width": round(float(numpy.median(widths)), 1), "without": none}
    )


def main() -> None:
    """Simulate, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    rng = numpy.random.default_rng(given.seed)
    lines = []
    for case in CASES:
        many = truths(case, rng, None)
        for k in RETRAINED:
            known = {"any": many, "same": truths(case, rng, k)}
            for s in SEEDS:
                lines.append(line(case, given.trials, rng, known, k, s))
                print(*(f"{value!s:>12}" for value in lines[-1].values()), flush=True)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    settings = {"trials": given.trials, "seed": given.seed, "questions": QUESTIONS}
    given.out.write_text(json.dumps({"settings": settings, "lines": lines}, indent=1) + "\n")


if __name__ == "__main__":
    main()
