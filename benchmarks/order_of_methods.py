"""Does the order of methods on one model carry over to another? Two boards of one task.

    python benchmarks/order_of_methods.py --results results/published tiny smollm2-135m

The rank correlation is Spearman's. Its p-value is from a permutation test. The difference of two
methods in the column that ranks is significant on a board if its 95% interval, over questions and
runs, does not contain 0. There is no correction for the number of pairs. A method that was run on
several target models counts with the mean of its rows; two methods are compared on the same ones
where both have such rows.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Sequence
from typing import Any

import numpy
from scipy.stats import permutation_test, rankdata, zscore

from unharness.cli.run import calm_libraries
from unharness.report.build import load_board
from unharness.report.ranking import row_difference
from unharness.report.rows import Group, Row

ORDERS = 400_000
"""Largest number of orders that are tried: all of nine methods, a random sample of more."""


def ranked_rows(group: Group) -> dict[str, list[Row]]:
    """Return a board's rows that are ranked, by method, best first."""
    name = group.headline or ""
    found: dict[str, list[Row]] = {}
    for row in group.rows:
        if row.reference is None and row.metrics[name].value is not None:
            found.setdefault(row.method, []).append(row)
    return found


def mean_value(group: Group, rows: Sequence[Row]) -> float:
    """Return the mean of some rows in the column that ranks."""
    values = [row.metrics[group.headline or ""].value for row in rows]
    return float(numpy.mean([value for value in values if value is not None]))


def same_targets(rows: Sequence[Row], others: Sequence[Row]) -> tuple[Row, Row]:
    """Return a row of each of two methods, of the same target models where there are such."""
    pairs = list(itertools.product(rows, others))
    return next(
        (one for one in pairs if set(one[0].target_seeds) == set(one[1].target_seeds)), pairs[0]
    )


def significant_sign(group: Group, one: Row, other: Row) -> int:
    """Return the sign of a significant difference of two methods, the first minus the second.

    It is 0 where the difference is not significant or not known.
    """
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
        numpy.array([mean_value(group, rows[name]) for name in names]) for group, rows in boards
    ]
    ranks, others = (zscore(rankdata(one)) for one in values)
    found = permutation_test(
        (ranks,),
        lambda one, axis: (one * others).mean(axis=axis),
        permutation_type="pairings",
        n_resamples=ORDERS,
        vectorized=True,
        rng=0,
    )
    pairs = list(itertools.combinations(names, 2))
    at = numpy.array(list(itertools.combinations(range(len(names)), 2)))
    signs = [numpy.sign(one[at[:, 0]] - one[at[:, 1]]) for one in values]
    significant = [
        [significant_sign(group, *same_targets(rows[a], rows[b])) for a, b in pairs]
        for group, rows in boards
    ]
    both = [(one, other) for one, other in zip(*significant, strict=True) if one and other]
    return {
        "methods": names,
        "spearman": round(float(found.statistic), 3),
        "p": round(float(found.pvalue), 3),
        "pairs": len(pairs),
        "same order": int((signs[0] * signs[1] > 0).sum()),
        "significant on the first": sum(map(abs, significant[0])),
        "significant on the second": sum(map(abs, significant[1])),
        "significant on both": len(both),
        "significant on both, in the same order": sum(one == other for one, other in both),
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
