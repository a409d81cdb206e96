"""Write the table of docs/metrics.md that sets published numbers against ours.

    python docs/recomputed_numbers.py docs/metrics.md

Only numbers that follow from other published ones are there: no model is run.
"""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from markdown_text import table
from written_tables import rewrite, with_tables

from unharness import Score
from unharness.evaluation.composites import composite_score
from unharness_metrics.forget_quality import ks_log10_p
from unharness_metrics.membership_attacks import privleak

BEGIN = "<!-- tables: python docs/recomputed_numbers.py docs/metrics.md -->"
END = "<!-- end of the tables -->"
SIZES = {"forget01": 40, "forget05": 200, "forget10": 400}
ROWS = ("finetuned", "GradAscent", "GradDiff", "IdkDPO", "NPO", "SimNPO", "RMU")
FORGET_QUALITY: Mapping[str, Mapping[str, str]] = {
    "Llama-3.2-1B": {
        "forget01": "0.01 0.27 0.77 0.01 0.92 0.58 0.16",
        "forget05": "1.33e-13 1.94e-119 1.94e-119 1.12e-5 0.14 5.01e-100 4.87e-10",
        "forget10": "1.66e-21 1.06e-239 1.06e-239 4.64e-12 0.02 2.47e-203 3.15e-15",
    },
    "Llama-2-7b": {
        "forget01": "1.27e-3 1.88e-4 3.02e-3 0.1 0.4 1.27e-3 0.4",
        "forget05": "5.87e-14 1.94e-119 1.94e-119 4.02e-6 0.09 1.06e-106 9.59e-10",
        "forget10": "4.35e-25 1.06e-239 1.80e-229 5.42e-13 0.42 1.47e-198 6.92e-21",
    },
}
"""As printed in docs/repro.md of open-unlearning at d3d7cf9: a p-value for each of ROWS."""
AGGREGATES: Mapping[str, tuple[str, str]] = {
    "target": ("0", "0 .10 1.0"),
    "retrained": (".58", ".31 1.0 .99"),
    "SimNPO": (".53", ".32 .63 1.0"),
    "RMU": (".52", ".47 .50 .61"),
    "UNDIAL": (".42", ".27 .48 .78"),
    "AltPO": (".15", ".63 .06 .95"),
    "IdkNLL": (".15", ".08 .17 .93"),
    "NPO": (".15", ".52 .06 .99"),
    "IdkDPO": (".14", ".56 .06 .95"),
    "GradDiff": (".009", ".97 .003 .79"),
}
"""Aggregate; memorisation, privacy and utility: arXiv 2506.12618, Llama-3.2-1B, forget10."""
SEMEVAL: Mapping[str, tuple[str, str]] = {
    "7B, AILS-NTUA": (".706", ".827 .847 .443"),
    "7B, ZJUKLAB": (".487", ".944 .048 .471"),
    "7B, third": (".470", ".834 .139 .436"),
    "1B, AILS-NTUA": (".688", ".964 .857 .242"),
}
"""Final score; tasks, membership and MMLU: arXiv 2504.02883."""
MUSE_GOLD = {"News": (0.4772, "109.6")}
"""1 − AUC of the retrained model in MUSE's code, and the PrivLeak that is printed for WHP."""


@dataclass(frozen=True)
class Found:
    """A number of ours beside a published one."""

    published: str
    ours: str
    agrees: bool
    detail: str = ""


def renewed(page: str) -> str:
    """Return a page with its tables as the metrics' code has them now.

    Raises:
        ValueError: it lacks a mark.
    """
    return with_tables(page, BEGIN, END, f"{tables()}\n")


def tables() -> str:
    """Return both tables."""
    quality = [
        [
            f"{model}, {row}",
            *(_cell(forget_quality(texts[name].split()[at], n)) for name, n in sizes),
        ]
        for model, texts in FORGET_QUALITY.items()
        for sizes in [list(SIZES.items())]
        for at, row in enumerate(ROWS)
    ]
    heads = ["row", *(f"{name}, n = {n}" for name, n in SIZES.items())]
    others = [
        [name, found.published, found.ours + (" ≠" if not found.agrees else ""), found.detail]
        for name, found in comparisons().items()
    ]
    lines = [*table(heads, quality), "", *table(["number", "published", "ours", "from"], others)]
    return "\n".join(lines)


def comparisons() -> dict[str, Found]:
    """Return what is computed from parts that are printed beside it."""
    found = {
        f"OpenUnlearning's aggregate, {name}": of_parts("harmonic_mean", total, parts.split())
        for name, (total, parts) in AGGREGATES.items()
    }
    found |= {
        f"SemEval-2025 task 4, {name}": of_parts("mean", total, parts.split())
        for name, (total, parts) in SEMEVAL.items()
    }
    for corpus, (gold, printed) in MUSE_GOLD.items():
        ours = float(privleak(0.0, 100 * (1 - gold)))
        text = f"{ours:.1f}"
        where = f"an AUC of 0, 1 − AUC_G = {gold}: the end of the scale"
        found[f"MUSE {corpus}, PrivLeak of WHP"] = Found(printed, text, text == printed, where)
    return found


def forget_quality(printed: str, n: int) -> Found:
    """Return the p-value nearest to a printed one that n examples can have, and its D."""
    log = min(_attainable(n), key=lambda one: abs(one - math.log10(float(printed))))
    ours = _as_printed(10.0**log, printed)
    return Found(printed, ours, ours == printed, f"D = {_attainable(n).index(log) / n:g}")


@cache
def _attainable(n: int) -> list[float]:
    """Return log10 p of D = 0, 1/n … 1, for two samples of n values."""
    return [ks_log10_p(range(n), range(shift, n + shift)) for shift in range(n + 1)]


def _as_printed(value: float, like: str) -> str:
    """Return a number with the digits of another one."""
    mantissa, mark, _ = like.partition("e")
    digits = len(mantissa.partition(".")[2])
    if not mark:
        return f"{value:.{digits}f}"
    mantissa, _, exponent = f"{value:.{digits}e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


def of_parts(kind: str, total: str, parts: Sequence[str]) -> Found:
    """Return a composite of printed parts; it agrees if some values that round to them give it."""
    values = [_composite(kind, one) for one in itertools.product(*map(_rounded_to, parts))]
    ours = _composite(kind, [100.0 * float(part) for part in parts])
    low, high = min(values), max(values)
    least, _, most = _rounded_to(total)
    text = f"{ours / 100:.4f} ({low / 100:.4f} to {high / 100:.4f})"
    return Found(total, text, low <= most and high >= least, f"{kind} of {', '.join(parts)}")


def _rounded_to(printed: str) -> tuple[float, float, float]:
    """Return the least value that is printed so, the middle and the most, in %."""
    half = 0.5 * 10.0 ** -len(printed.partition(".")[2]) if "." in printed else 0.0
    value = float(printed)
    return 100.0 * max(0.0, value - half), 100.0 * value, 100.0 * min(1.0, value + half)


def _composite(kind: str, values: Sequence[float]) -> float:
    names = tuple(map(str, range(len(values))))
    scores = {name: Score(value, 1) for name, value in zip(names, values, strict=True)}
    found = composite_score(kind, names, scores, {}).value
    if found is None:
        raise ValueError(f"no {kind} of {values}")
    return found


def _cell(found: Found) -> str:
    sign = "=" if found.agrees else "≠"
    return f"{found.published} {sign} {found.ours} ({found.detail})"


if __name__ == "__main__":
    rewrite(sys.argv[1], renewed)
