"""Whether a suite's questions can be had: told before any training."""

from __future__ import annotations

import os
from collections.abc import Iterator

from unharness.errors import DataError
from unharness.evaluation.suite import NONE
from unharness.evaluation.suite_plan import SuitePlan
from unharness.registry import Registry

REACH_SECONDS = 5.0


def check_reachable(plan: SuitePlan, registry: Registry) -> None:
    """Load the tasks' data, so that what is missing is told before any training.

    Raises:
        DataError: the hub is needed and out of reach, or the data cannot be loaded.
    """
    if not plan.offline and plan.bundled:
        _probe(plan, registry)
    try:
        plan.manager.load([task.name for task in plan.tasks])
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            f"suite {plan.name!r}: its data cannot be loaded ({type(error).__name__}: {reason}). "
            f"{_instead(registry)}"
        ) from error


def _probe(plan: SuitePlan, registry: Registry) -> None:
    """Ask the hub a quick question: the libraries' own retries last minutes without a network."""
    where = next(iter(_data_sets(plan)), None)
    if where is None:
        return
    if os.environ.get("HF_HUB_OFFLINE", "").lower() not in ("", "0", "false"):
        return  # what is cached can be used, and the rest fails at once
    try:
        from huggingface_hub import HfApi

        HfApi().dataset_info(where, timeout=REACH_SECONDS)
    except Exception as error:
        raise DataError(
            f"suite {plan.name!r} needs the hub ({where}), which cannot be reached "
            f"({type(error).__name__}). {_instead(registry)}"
        ) from error


def _instead(registry: Registry) -> str:
    offline = [n for n in registry.names("suites") if registry.get("suites", n).offline]
    return (
        f"Suites that work offline: {', '.join([*offline, NONE])}; --suite-data DIR reads "
        "benchmarks from files"
    )


def _data_sets(plan: SuitePlan) -> Iterator[str]:
    """Yield the data sets of the hub that the tasks read, those of a group's members too."""
    local = plan.data.files if plan.data else {}
    for task in plan.tasks:
        for one in plan.definitions(task.name):
            if one.task not in local and "/" in (one.data_set or ""):
                yield str(one.data_set)
