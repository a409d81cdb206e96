"""Does the order of methods on one model carry over to another? Two boards of one task.

    python benchmarks/order_of_methods.py --results results/published tiny smollm2-135m

The rank correlation is Spearman's, its p-value that of all orders. A pair of methods is told apart
on a board where the 95% interval of its difference in the ranking column, over questions and runs,
does not hold 0; nothing corrects for the number of pairs.
"""

from __future__ import annotations

import argparse
import itertools
import json
from typing import Any

import numpy
from scipy.stats import permutation_test, rankdata

from unharness.cli.run import calm_libraries
from unharness.report.build import load_board
from unharness.report.ranking import row_difference
from unharness.report.rows import Group, Row

ORDERS = 400_000
"""Of nine methods there are fewer, and all are looked at; of more, so many by chance."""


def ranked_rows(group: Group) -> dict[str, Row]:
    """Return a board's rows that are ranked, by method, best first."""
    name = group.headline or ""
    return {
        row.method: row
        for row in group.rows
        if row.reference is None and row.metrics[name].value is not None
    }


def told_apart(group: Group, one: Row, other: Row) -> int:
    """Return 1 where the first of two methods is significantly better, -1 where worse, else 0."""
    column = group.ranked_by
    found = row_difference(group.rows, one, other, column) if column else None
    interval = found.interval() if found else None
    if interval is None:
        return 0
    low, high = interval
    return 1 if low > 0 else -1 if high < 0 else 0


def compared(first: Group, second: Group) -> dict[str, Any]:
    """Return how the order of the methods that both boards have agrees."""
    boards = [(group, ranked_rows(group)) for group in (first, second)]
    names = [name for name in boards[0][1] if name in boards[1][1]]
    values = [
        numpy.array([rows[name].metrics[group.headline or ""].value for name in names])
        for group, rows in boards
    ]

    first_ranks, second_ranks = (rankdata(one) for one in values)
    centred = (second_ranks - second_ranks.mean()) / second_ranks.std() / len(names)

    def correlation(one: Any, axis: int = -1) -> Any:
        return ((one - first_ranks.mean()) / first_ranks.std() * centred).sum(axis=axis)

    exact = permutation_test(
        (first_ranks,),
        correlation,
        permutation_type="pairings",
        n_resamples=ORDERS,
        vectorized=True,
        rng=0,
    )
    pairs = list(itertools.combinations(names, 2))
    same = sum(
        (values[0][names.index(one)] - values[0][names.index(other)])
        * (values[1][names.index(one)] - values[1][names.index(other)])
        > 0
        for one, other in pairs
    )
    apart = [[told_apart(group, rows[a], rows[b]) for a, b in pairs] for group, rows in boards]
    both = [(one, other) for one, other in zip(*apart, strict=True) if one and other]
    return {
        "methods": names,
        "spearman": round(float(exact.statistic), 3),
        "p": round(float(exact.pvalue), 3),
        "pairs": len(pairs),
        "same order": int(same),
        "told apart on the first": sum(map(abs, apart[0])),
        "told apart on the second": sum(map(abs, apart[1])),
        "on both": len(both),
        "on both, in the same order": sum(one == other for one, other in both),
    }


def main() -> None:
    """Compare the boards of two models, and print what was found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs=2)
    parser.add_argument("--results", default="results/published")
    parser.add_argument("--task", default="knowundo-privacy")
    parser.add_argument("--rank-by", default="closeness")
    options = parser.parse_args()
    groups = load_board(options.results, options.rank_by).groups
    chosen = [
        next(one for one in groups if (one.spec.task, one.spec.model) == (options.task, model))
        for model in options.models
    ]
    print(json.dumps({"rank by": options.rank_by} | compared(*chosen), indent=1))


if __name__ == "__main__":
    calm_libraries(False)
    main()
