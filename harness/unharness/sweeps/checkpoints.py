"""Trials that are measured along their training: the best checkpoint gives the number of steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from unharness.pipeline.checkpoint_runs import STOP_AFTER, checkpoint_requests
from unharness.registry import Registry
from unharness.sweeps.executors.executor import Executor, SweepObserver
from unharness.sweeps.trial import Budget, Checkpoint, Trial
from unharness.sweeps.validation_runs import Tried, run_all


def run_trials(
    tried: Sequence[Tried], executor: Executor, registry: Registry, observer: SweepObserver
) -> list[Trial]:
    """Run trials, each with the checkpoints that its request has; return what came of each.

    Whole trainings come first and keep the weights on their way; the runs that measure those are
    done with them, or made up for here where an interruption or another machine left them out.
    """
    ends = run_all(tried, executor, registry, observer)
    places = [
        (number, steps, (request, {**settings, STOP_AFTER: steps}, objective))
        for number, (end, (whole, settings, objective)) in enumerate(zip(ends, tried, strict=True))
        if end.value is not None
        for steps, request in checkpoint_requests(whole, end.training.steps).items()
    ]
    if not places:
        return ends
    on_the_way: list[dict[int, Trial]] = [{} for _ in ends]
    asked = [point for _, _, point in places]
    found = run_all(asked, executor, registry, observer, Budget.beyond_cache, announced=False)
    for (number, steps, _), point in zip(places, found, strict=True):
        on_the_way[number][steps] = point
    return [
        with_checkpoints(end, points, higher=objective.higher) if points else end
        for end, points, (_, _, objective) in zip(ends, on_the_way, tried, strict=True)
    ]


def with_checkpoints(end: Trial, points: Mapping[int, Trial], *, higher: bool) -> Trial:
    """Return a trial with the best of its checkpoints, of equal ones that with the fewest steps.

    Its seconds and its training are those of all of them.

    Args:
        end: the whole training, measured at its end, with a value.
        points: by number of steps the runs that stop there.
        higher: whether more of the objective is better.
    """
    measured = {**dict(sorted(points.items())), end.training.steps: end}
    values = {steps: one.value for steps, one in measured.items() if one.value is not None}
    best = (max if higher else min)(values, key=lambda steps: values[steps])
    return replace(
        end,
        run_id=measured[best].run_id,
        value=values[best],
        seconds=sum(one.seconds for one in measured.values()),
        training=Budget.total(one.training for one in measured.values()),
        stop_after=None if measured[best] is end else best,
        checkpoints=tuple(
            Checkpoint(steps, one.run_id, one.value, one.error) for steps, one in measured.items()
        ),
    )
