"""The runs that make reference rows: what all methods of a task and model are compared with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from unharness.data.named_task import make_task
from unharness.reference_rows import REFERENCE_ROWS, ReferenceRow, method_of
from unharness.registry import Registry
from unharness.report.closeness import TO_PUBLISH, TO_RANK
from unharness.request import RunRequest

PLAIN: dict[str, Any] = {
    **{"set": {}, "epochs": None, "lr": None, "batch_size": None, "preset": None, "tuned": None},
    "seed": 0,
}
"""What a reference row has nothing of: another method's hyperparameters."""


RETRAINED = (TO_RANK, TO_PUBLISH)
"""Seeds of the retrained model: at least as many as rank, at most as many as a publication needs;
between them as many as a method has runs."""


def with_references(requests: Sequence[RunRequest], registry: Registry) -> list[RunRequest]:
    """Return the runs of a grid, those that make the reference rows first.

    Raises:
        PluginError: no plugin makes one of them.
    """
    return [*references_of(requests, registry), *requests]


def references_of(requests: Sequence[RunRequest], registry: Registry) -> list[RunRequest]:
    """Return the runs that make a grid's reference rows.

    Raises:
        PluginError: no plugin makes one of them.
    """
    fewest, most = RETRAINED
    runs = len({(one.target_set.get("seed"), one.seed) for one in requests})
    return reference_requests(requests, registry, min(most, max(fewest, runs)))


def reference_requests(
    requests: Iterable[RunRequest],
    registry: Registry,
    retrained: int,
    rows: Sequence[ReferenceRow] = REFERENCE_ROWS,
) -> list[RunRequest]:
    """Return the runs that make reference rows, each once.

    Only the target row is made for every target seed: the others do not depend on it. Limited
    runs are never ranked, and a given target says nothing of a retrained model: they get none. A
    task without gold has the target row alone, which is its base model.

    Args:
        requests: of methods; those of one task, model and target share the rows.
        registry: knows which methods make them.
        retrained: how many seeds the retrained row has.
        rows: which rows.

    Raises:
        PluginError: no plugin makes one of them.
    """
    found: dict[str, RunRequest] = {}
    for request in requests:
        if request.limit or request.limit_train or request.target:
            continue
        gold = make_task(request.task, registry).gold
        for row in rows:
            if row != "target" and not gold:
                continue
            update = PLAIN | {"method": method_of(row, registry)}
            if row != "target":
                target = {k: v for k, v in request.target_set.items() if k != "seed"}
                update["target_set"] = target
            for seed in range(retrained if row == "retrained" else 1):
                made = request.model_copy(update=update | {"seed": seed})
                found.setdefault(made.model_dump_json(), made)
    return list(found.values())
