"""What a run measures: under which attacks, in which columns, with which suite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from unharness.evaluation.columns import Column, observer_versions
from unharness.evaluation.suite_plan import SuitePlan
from unharness.evaluation.uses import Use
from unharness.pipeline.added_metrics import columns_with_added
from unharness.pipeline.attack_chains import AttackChain, attack_chains
from unharness.pipeline.data_choice import RunData
from unharness.pipeline.suite_choice import find_suite
from unharness.registry import Registry
from unharness.request import RunRequest


@dataclass(frozen=True)
class Measures:
    """What the unlearned model is put to."""

    chains: tuple[AttackChain, ...]
    """The attacks that the same unlearned weights are measured under, a record each."""
    columns: tuple[Column, ...]
    observers: Mapping[str, int]
    """By observer of the columns: its version, where that is above 1."""
    suite: SuitePlan | None
    """What measures general knowledge."""


def choose_measures(
    request: RunRequest,
    uses: tuple[Use, ...],
    data: RunData,
    default_suite: str,
    device: str,
    registry: Registry,
) -> Measures:
    """Return what a run measures.

    Args:
        request: what the user asks for.
        uses: of the task.
        data: of the run.
        default_suite: where the user names none.
        device: where it is asked.
        registry: knows attacks, prompts, metrics, observers and suites.

    Raises:
        UsageError: an attack, a prompt, a metric, a split or a suite is unknown, or a setting or a
            label is not what it may be.
        DataError: a folder of a suite is missing, or does not hold what it should.
    """
    chains = attack_chains(request.attack, request.prompt, data.splits, registry)
    columns = columns_with_added(uses, request.metric, data.evaluated, registry)
    observers = observer_versions(columns, registry)
    suite = find_suite(request, default_suite, device, registry)
    return Measures(chains, columns, observers, suite)
