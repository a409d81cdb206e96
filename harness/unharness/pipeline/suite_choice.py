"""The suite that a request asks for: where its questions come from, and how many are asked."""

from __future__ import annotations

from unharness.data.sources import AUTO, HUB
from unharness.evaluation.suite_data import find_folder
from unharness.evaluation.suite_plan import SuitePlan, plan_suite
from unharness.registry import Registry
from unharness.request import ALL_QUESTIONS, RunRequest

CPU_QUESTIONS = 50
"""Of each task of a large suite on a CPU, where the user does not say."""


def find_suite(
    request: RunRequest, default: str, device: str, registry: Registry
) -> SuitePlan | None:
    """Return the suite that is asked; None for none.

    Args:
        request: what the user asks for.
        default: the suite where the user names none.
        device: where it is asked.
        registry: knows the suites.

    Raises:
        UsageError: a name is unknown; offers the nearest ones.
        DataError: a folder is missing, or does not hold what it should.
    """
    plan = plan_suite(request.suite or default, request.include_path, registry)
    if plan is None:
        return None
    named = request.suite_data not in (AUTO, HUB)
    folder = None if plan.offline and not named else find_folder(request.suite_data, request.data)
    return plan.reading(folder, required=named).asking(_limit(request, plan, device))


def _limit(request: RunRequest, plan: SuitePlan, device: str) -> int | None:
    if request.suite_limit == ALL_QUESTIONS:
        return None
    if isinstance(request.suite_limit, int):
        return request.suite_limit
    if request.limit is not None:
        return request.limit
    return CPU_QUESTIONS if plan.large and device == "cpu" else None
