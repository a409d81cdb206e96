"""How often the 95% interval holds the true value, simulated.

Each question's score is drawn from a known model: a grand mean, effects of the target seed, of the
seed and of the question, and their interaction, all on the logit scale, so that scores lie between
0 and 1. The true value is the mean over all target seeds, seeds and questions. Of one target seed
nothing can be said of others, and of one seed neither: there it is the mean for that target, or
that run, over what was sampled.
Writes benchmarks/results/interval_coverage.json.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy

from unharness.report.intervals import Sampled

OUT = Path(__file__).parent / "results" / "interval_coverage.json"
QUESTIONS = 110
"""As many as the forget set of KnowUnDo's privacy domain has for evaluation."""
CASES = {
    # Standard deviations on the logit scale: target, seed, question, interaction.
    "questions dominate": (0.0, 0.05, 1.2, 0.3),
    "seeds dominate": (0.0, 0.6, 0.5, 0.3),
    "interaction dominates": (0.0, 0.0, 0.0, 1.2),
    "all alike": (0.3, 0.3, 1.0, 0.6),
}
DESIGNS = ((1, 1), (1, 3), (1, 5), (2, 3), (3, 3), (3, 5))
"""Target seeds, and seeds of each."""
CENTRES = (0.0, 2.2)
"""Logits: a half, and about 90%."""
DRAWS = 200_000
"""For the true values."""


def expit(logits: Any) -> Any:
    """Return shares of logits."""
    return 1.0 / (1.0 + numpy.exp(-logits))


def draw(
    rng: numpy.random.Generator, centre: float, sizes: tuple[float, ...], targets: int, seeds: int
) -> tuple[Any, float]:
    """Return scores, (targets * seeds, QUESTIONS), and the logit that one target or run has."""
    target, seed, question, rest = sizes
    known = centre + numpy.repeat(rng.normal(0, 1, targets) * target, seeds)
    runs = known + rng.normal(0, 1, targets * seeds) * seed
    questions = rng.normal(0, 1, QUESTIONS) * question
    noise = rng.normal(0, 1, (targets * seeds, QUESTIONS)) * rest
    scores = expit(runs[:, None] + questions + noise)
    return scores, float(runs[0] if seeds == 1 else known[0])


def sampled(scores: Any, targets: int, seeds: int) -> Sampled:
    """Return a row of runs, in %."""
    values = scores.mean(axis=1)
    keys = tuple((t, s) for t in range(targets) for s in range(seeds))
    influence = 100 * (scores - values[:, None]) / scores.shape[1]
    return Sampled(keys, 100 * values, {"split": influence})


def true_mean(rng: numpy.random.Generator, centres: Any, spread: float) -> Any:
    """Return the mean of expit(centre + N(0, spread²)) for each centre."""
    draws = rng.normal(0, 1, DRAWS) * spread
    return numpy.array([expit(centre + draws).mean() for centre in numpy.atleast_1d(centres)])


def coverage(trials: int, rng: numpy.random.Generator) -> list[dict[str, Any]]:
    """Return a line for each case, centre and design."""
    lines = []
    for name, sizes in CASES.items():
        spread = float(numpy.linalg.norm(sizes))
        for centre in CENTRES:
            whole = 100 * float(true_mean(rng, centre, spread)[0])
            grid = numpy.linspace(-4, 4, 161) * max(float(numpy.linalg.norm(sizes[:2])), 1e-9)
            for targets, seeds in DESIGNS:
                sampled_too = float(numpy.linalg.norm(sizes[2 if seeds == 1 else 1 :]))
                conditional = 100 * true_mean(rng, centre + grid, sampled_too)
                held = 0
                widths = []
                for _ in range(trials):
                    scores, own = draw(rng, centre, sizes, targets, seeds)
                    row = sampled(scores, targets, seeds)
                    low, high = row.estimate().percent_interval() or (0.0, 0.0)
                    truth = whole
                    if targets == 1:
                        truth = float(numpy.interp(own, centre + grid, conditional))
                    held += low <= truth <= high
                    widths.append(high - low)
                lines.append(
                    {"case": name, "value": round(whole, 1), "target_seeds": targets}
                    | {"seeds": seeds, "coverage": round(100 * held / trials, 1)}
                    | {"median_width": round(float(numpy.median(widths)), 2)}
                )
    return lines


def main() -> None:
    """Simulate, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    lines = coverage(given.trials, numpy.random.default_rng(given.seed))
    for line in lines:
        print(*(f"{value!s:>22}" for value in line.values()))
    settings = {"trials": given.trials, "seed": given.seed, "questions": QUESTIONS}
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps({"settings": settings, "lines": lines}, indent=1) + "\n")


if __name__ == "__main__":
    main()
