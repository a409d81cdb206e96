"""Write the tables of docs/methods.md from the code and from the measured cost of a step.

    python docs/method_tables.py docs/methods.md

What stands outside of the two marks is written by hand, and stays.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markdown_text import escaped, table
from written_tables import rewrite, with_tables

from unharness import LossMethod
from unharness.cli.describe import describe, parameters
from unharness.registry import registry
from unharness.report.values import shown_value
from unharness.unlearning.search import RANGES, search_space

REPOSITORY = Path(__file__).resolve().parents[1]
COSTS = REPOSITORY / "benchmarks" / "results" / "method_steps.json"
BEGIN = "<!-- tables: python docs/method_tables.py docs/methods.md -->"
END = "<!-- end of the tables -->"
FIRST = "reference rows"
"""The family that comes first; the others follow by name."""
SHARED = LossMethod.Config.model_fields


def renewed(page: str) -> str:
    """Return a page with its tables as the code has them now.

    Raises:
        ValueError: it lacks a mark.
    """
    return with_tables(page, BEGIN, END, tables())


def tables() -> str:
    """Return a section a family, and the hyperparameters that all losses share."""
    found = registry()
    costs = json.loads(COSTS.read_text(encoding="utf-8"))
    names = [entry.name for entry in found.entries("methods") if entry.plugin.builtin]
    families: dict[str, list[str]] = {}
    for name in sorted(names):
        families.setdefault(found.get("methods", name).family, []).append(name)
    ordered = sorted(families.items(), key=lambda item: (item[0] != FIRST, item[0]))
    parts = [_family(family, members, costs) for family, members in ordered]
    return "\n".join([*parts, _shared()])


def _family(family: str, names: Sequence[str], costs: Mapping[str, Any]) -> str:
    heads = ("method", "what it does", "needs", "paper", "evidence", "fidelity", "passes", "cost")
    rows = [_method(name, costs) for name in names]
    lines = [f"## {family.capitalize()}", "", *table(heads, rows)]
    own: dict[tuple[str, ...], list[str]] = {}
    for name in names:
        for row in _own_hyperparameters(name):
            own.setdefault(tuple(row), []).append(f"`{name}`")
    if own:
        heads = ("hyperparameter", "default", "allowed", "tuned", "what it is", "of")
        lines += ["", *table(heads, [[*row, ", ".join(users)] for row, users in own.items()])]
    return "\n".join([*lines, ""])


def _method(name: str, costs: Mapping[str, Any]) -> list[str]:
    """Return the cells of a method's row."""
    found = registry().get("methods", name)
    facts = describe("methods", name, registry())
    evidence = [f"{kind}: [{Path(where).name}](../{where})" for kind, where in found.evidence]
    choices = next(
        (one["choices"] for one in facts["hyperparameters"] if one["name"] == "fidelity"), []
    )
    measured = [costs[tuning].get(name) for tuning in ("full", "lora")]
    cost = " / ".join(f"{one['times_gradient_ascent']:.2f}" for one in measured if one)
    formula = " ".join(inspect.cleandoc(found.__doc__ or "").split("\n\n")[0].split())
    passes = [_passes(one) for one in measured if one]
    return [
        f"`{name}`",
        escaped(formula),
        escaped(", ".join(facts["needs"])),
        escaped(found.citation),
        ", ".join(evidence),
        ", ".join(f"`{choice}`" for choice in choices),
        " / ".join(dict.fromkeys(passes)),
        cost,
    ]


def _passes(measured: Mapping[str, Any]) -> str:
    """Return how often a forget example passes forward, and backward, in a step."""
    return f"{measured['forward']:g} + {measured['backward']:g}"


def _own_hyperparameters(name: str) -> list[list[str]]:
    """Return a row for every hyperparameter that a method adds, or whose default it changes."""
    found = registry().get("methods", name)
    space = search_space(found)
    loss = issubclass(found, LossMethod)
    return [
        _hyperparameter(one, space)
        for one in describe("methods", name, registry())["hyperparameters"]
        if not loss or one["name"] not in SHARED or one["default"] != SHARED[one["name"]].default
    ]


def _shared() -> str:
    """Return the section of what every loss can be given."""
    space = {name: RANGES[kind] for name, kind in LossMethod.Config.search.items()}
    rows = [_hyperparameter(one, space) for one in parameters(LossMethod.Config)]
    heads = ("hyperparameter", "default", "allowed", "tuned", "what it is")
    return "\n".join(["## Hyperparameters of every loss", "", *table(heads, rows), ""])


def _hyperparameter(one: Mapping[str, Any], space: Mapping[str, Any]) -> list[str]:
    allowed = ", ".join(map(shown_value, one["choices"])) or one["bounds"]
    default = "" if one["required"] else shown_value(one["default"])
    return [
        f"`{one['name']}`",
        escaped(default),
        escaped(allowed),
        escaped(str(space.get(one["name"], ""))),
        escaped(one["description"]),
    ]


if __name__ == "__main__":
    rewrite(sys.argv[1], renewed)
