"""Each task's stand-in from end to end, on the smallest model and a few examples of every split."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import unharness
from unharness import RunRecord
from unharness.data.named_task import make_task
from unharness.records.store import RecordStore
from unharness.registry import registry
from unharness.report.record_closeness import closeness_of

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Expected:
    """What a task's run must show."""

    learned: bool
    """Whether the target learns facts; else it is the base model, and nothing ranks."""
    without_value: frozenset[str] = frozenset()
    """Columns that a run of a method by itself cannot have."""
    options: tuple[tuple[str, Any], ...] = ()


TASKS = {
    "lume:tasks=2": Expected(learned=True, without_value=frozenset({"semeval_score"})),
    # Stories and biographies in several windows.
    "lume": Expected(
        learned=True,
        without_value=frozenset({"semeval_score"}),
        options=(("max_length", 32),),
    ),
    "files": Expected(learned=True),
    # Needs a retrained model.
    "muse": Expected(
        learned=True,
        without_value=frozenset({"privleak_forget"}),
        options=(("max_length", 512),),
    ),
    "muse:corpus=books": Expected(
        learned=True,
        without_value=frozenset({"privleak_forget"}),
        options=(("max_length", 512),),
    ),
    "muse:fold=sust-1": Expected(
        learned=True,
        without_value=frozenset({"privleak_forget"}),
        options=(("max_length", 512),),
    ),
    "wmdp": Expected(learned=False, options=(("max_length", 512),)),
    # Texts of eight tokens may be too short for fluency.
    "rwku:subjects=[1,2]": Expected(learned=False, without_value=frozenset({"fluency_entropy"})),
}


@pytest.fixture(scope="module", params=TASKS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The task's name, what is expected, and the records of the target and of a method."""
    expected = TASKS[request.param]
    place: dict[str, Any] = {
        "model": "micro",
        "data": "standin",
        "suite": "none",
        "limit_train": 2,
        "max_new_tokens": 8,
        "max_length": 128,
        "results": str(tmp_path_factory.mktemp("results")),
        **dict(expected.options),
    }
    records = {
        method: unharness.run(method, request.param, **place, **own)
        for method, own in {"vanilla": {}, "gradient-difference": {"epochs": 1}}.items()
    }
    return request.param, expected, records, Path(place["results"])


def missing(record: RunRecord) -> dict[str, str]:
    return {label: one.status for label, one in record.metrics.items() if one.value is None}


def test_everything_that_the_task_lists_is_measured_or_says_why_not(made: Any):
    _, expected, records, _ = made
    for record in records.values():
        assert record.status == "done"
        found = missing(record)
        assert set(found) <= expected.without_value
        assert all(reason not in ("", "ok") for reason in found.values())


def test_more_is_better_on_the_axes_of_trade_offs(made: Any):
    name, _, records, _ = made
    task = make_task(name, registry())
    for label in filter(None, (task.forget_axis, *task.retain_axes)):
        if label in records["vanilla"].metrics:
            assert records["vanilla"].metrics[label].direction == "higher"


def test_the_target_knows_what_it_learned(made: Any):
    _, expected, records, _ = made
    warned = any("never learned" in text for text in records["vanilla"].warnings)
    assert not (expected.learned and warned)
    assert records["vanilla"].data.source == "standin"


def test_a_task_without_gold_ranks_nothing_and_names_its_axes(made: Any):
    name, expected, records, results = made
    task = make_task(name, registry())
    assert task.gold == expected.learned
    values, notes = closeness_of(records["gradient-difference"], RecordStore(results))
    assert not values
    assert any("has no gold" in note for note in notes) != expected.learned
    if not task.gold:
        [note] = notes
        assert note.endswith(f"the axes: {', '.join([task.forget_axis, *task.retain_axes])}.")
