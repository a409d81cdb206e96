"""Trials, finalists and final runs of whole studies, with invented records."""

import contextlib
import json
import runpy
from pathlib import Path

import pytest

from unharness.errors import MethodError, UsageError
from unharness.registry import registry
from unharness.request import RunRequest
from unharness.sweeps.executors.executor import SweepObserver
from unharness.sweeps.final_runs import compare_with_evaluation, final_requests
from unharness.sweeps.objective import make_objective
from unharness.sweeps.plan import plan_sweep
from unharness.sweeps.reference_runs import run_references
from unharness.sweeps.studies import make_studies
from unharness.sweeps.study_file import best_so_far, facts
from unharness.sweeps.sweep import run_sweep
from unharness.sweeps.trial import Budget, Finals, Trial
from unharness.sweeps.tune import Effort, run_count, tune

pytestmark = pytest.mark.slow

_invented = runpy.run_path(str(Path(__file__).with_name("invented_runs.py")))
Invented, STEPS, TOKENS = (_invented[name] for name in ("Invented", "STEPS", "TOKENS"))
METHODS = ("kl", "gradient-ascent")


def lucky(request):
    """The first seed likes high learning rates, the others low ones."""
    rate = float(request.set["lr"])
    return 50 + (1e3 if request.seed == 0 else -1e3) * rate


@pytest.fixture
def requests(tmp_path):
    shared = {"model": "micro", "data": "standin", "results": str(tmp_path / "results")}
    return [RunRequest(method=name, **shared) for name in METHODS]


def tuned(requests, value=lucky, trials=5, finals=None, die_after=None, observer=None):
    """Return the studies after tuning, and the executor."""
    studies = make_studies(requests, "success_avg", registry(), finals=finals or Finals())
    executor = Invented(registry(), value, die_after)
    tune(studies, Effort(trials), executor, registry(), observer or SweepObserver())
    return studies, executor


def test_every_method_has_as_many_finalist_runs_and_the_best_mean_wins(requests):
    studies, executor = tuned(requests)
    assert run_count(studies, Effort(5), registry()) == len(executor.requests) == 2 * (5 + 3 * 2)
    for study in studies:
        assert len(study.finalists) == 3
        assert [set(one.runs) for one in study.finalists] == [{1, 2}] * 3
        values = [one.trial.value for one in study.finalists]
        assert values == sorted(values, reverse=True)
        rates = {one.trial.settings["lr"]: one.mean for one in study.finalists}
        assert study.chosen.settings["lr"] == min(rates)  # no trial's seed says so
        assert study.chosen.value == max(rates.values()) == rates[min(rates)]
        assert study.chosen.settings != study.best.settings
    judged = {request.eval_split for request in executor.requests}
    assert judged == {"validation"}


def test_finalists_are_distinct_and_where_they_fail_the_best_trial_does(requests):
    studies, _ = tuned(requests, lambda request: 60.0 if request.seed == 0 else None)
    for study in studies:
        settings = [json.dumps(dict(one.trial.settings)) for one in study.finalists]
        assert len(set(settings)) == 3
        assert study.chosen.settings == study.best.settings
        assert study.chosen.value == 60.0
        assert {run.error for run in study.final_runs} == {"out of memory"}


def test_without_finalists_the_best_trial_is_taken(requests):
    studies, executor = tuned(requests, finals=Finals(0, 2))
    assert len(executor.requests) == 10
    assert all(one.chosen.settings == one.best.settings for one in studies)


def test_a_study_that_is_killed_anywhere_ends_as_if_it_had_not_been(requests, tmp_path):
    elsewhere = [
        one.model_copy(update={"results": str(tmp_path / "undisturbed")}) for one in requests
    ]
    expected = [facts(study) for study in tuned(elsewhere)[0]]
    done = 0
    for alive in (3, 4, 0, 6, 5):
        with pytest.raises(KeyboardInterrupt):
            tuned(requests, die_after=alive)
        done += alive
    studies, executor = tuned(requests)
    assert len(executor.requests) == 22 - done  # nothing was run twice
    assert [facts(study) for study in studies] == expected
    _, again = tuned(requests)
    assert again.requests == []


@pytest.mark.parametrize("die_after", [0, 3, 12, 15, 22])
def test_a_study_that_goes_on_announces_only_what_is_left(requests, die_after):
    class Told(SweepObserver):
        more = 0

        def expect(self, more):
            self.more += more

    with contextlib.suppress(KeyboardInterrupt):
        tuned(requests, die_after=die_after)
    told = Told()
    studies, executor = tuned(requests, observer=told)
    assert run_count(studies, Effort(5), registry()) + told.more == len(executor.requests)
    assert len(executor.requests) == 22 - die_after


def test_a_study_that_is_given_up_announces_no_further_trials(requests):
    told = []
    observer = SweepObserver()
    observer.expect = told.append
    _, executor = tuned(requests, lambda request: None, trials=9, observer=observer)
    assert 2 * (9 + 3 * 2) + sum(told) == len(executor.requests) == 2 * 5


def test_a_study_that_is_prolonged_counts_its_former_finalists(requests):
    tuned(requests, trials=3)
    before = [json.loads(path.read_text()) for path in _files(requests)]
    assert [one["budget"]["finalists"]["runs"] for one in before] == [6, 6]
    studies, executor = tuned(requests, trials=8)
    for study in studies:
        assert len(study.trials) == 8
        assert len(study.final_runs) >= 6
        own = [r for r in executor.requests if r.method == study.request.method]
        assert len(study.trials) + len(study.final_runs) == 3 + 6 + len(own)


def _files(requests):
    results = Path(requests[0].results)
    return sorted(results.glob("tuning/*/*/*/study-*.json"))


def test_the_file_says_what_was_given_and_what_was_found(requests):
    tuned(requests)
    for path in _files(requests):
        found = json.loads(path.read_text())
        assert found["budget"]["trials"] == {
            **{
                "runs": 5,
                "evaluations": 5,
                "steps": 5 * STEPS,
                "examples": 25 * STEPS,
                "tokens": 5 * TOKENS,
            },
            **{"seconds": 15.0, "run_seconds": 20.0},
        }
        assert found["budget"]["all"]["runs"] == 11
        values = [trial["value"] for trial in found["trials"]]
        assert found["best_so_far"] == [max(values[: at + 1]) for at in range(5)]
        assert len(found["finalists"]) == 3
        assert found["evaluation"] is None
        assert found["settings"]


def test_the_evaluation_stands_beside_the_validation_value(requests):
    studies, executor = tuned(requests)
    final = final_requests(requests, studies, (0, 1))
    plan = plan_sweep(final, registry())
    run_sweep(plan, executor, SweepObserver())
    compare_with_evaluation(studies, final, plan)
    for study in studies:
        rate = study.chosen.settings["lr"]
        assert study.evaluation == {"0": 50 + 1e3 * rate, "1": 50 - 1e3 * rate}
        found = json.loads(study.file.read_text())
        assert found["evaluation"] == pytest.approx(50.0)
        assert found["validation"] == study.chosen.value


def test_the_best_so_far_of_what_should_be_low():
    def values(*found):
        return [Trial({}, "id", value, 1.0) for value in found]

    assert best_so_far(values(None, 5.0, None, 7.0, 2.0), higher=False) == [None, 5, 5, 5, 2]
    assert best_so_far(values(None, 5.0, None, 7.0, 2.0), higher=True) == [None, 5, 5, 7, 7]
    assert best_so_far([], higher=True) == []


def test_budgets_add_up():
    assert Budget.total([Budget(1, 2, 3, 0.5), Budget(4, 5, 6, 0.25)]) == Budget(5, 7, 9, 0.75)
    assert Budget.total([]) == Budget()


def test_studies_of_another_format_are_left_alone_with_a_note(requests):
    class Notes(SweepObserver):
        def __init__(self):
            self.texts = []

        def note(self, text):
            self.texts.append(text)

    folder = Path(requests[0].results, "tuning", requests[0].task, "micro", "kl")
    folder.mkdir(parents=True)
    (folder / "study-0123456789abcdef.json").write_text('{"sampler": "TPE, seed 0"}')
    (folder / "study-fedcba9876543210.json").write_text("no JSON")
    notes = Notes()
    tuned(requests, trials=1, observer=notes)
    (line,) = notes.texts
    assert "kl on" in line
    assert "1 earlier study in" in line
    assert "not continued" in line


def test_reference_rows_of_the_validation_part_are_made_once_a_target(requests):
    closeness = make_objective(None, requests[0].task, registry())
    tuned = [(one, closeness) for one in requests]
    executor = Invented(registry(), lambda request: 1.0)
    for _ in range(2):  # the rows have no numbers of their examples
        with pytest.raises(MethodError, match="closeness cannot be measured.*--objective COLUMN"):
            run_references(tuned, executor, registry(), SweepObserver())
    assert len(executor.requests) == 4
    assert {one.eval_split for one in executor.requests} == {"validation"}
    made = [(one.method, one.seed) for one in executor.requests]
    assert made == [("base", 0), ("vanilla", 0), ("retrain", 0), ("retrain", 1)]
    failing = Invented(registry(), lambda request: None)
    other = [(one.model_copy(update={"target_set": {"seed": 7}}), closeness) for one in requests]
    with pytest.raises(MethodError, match="reference row .* out of memory.*--objective COLUMN"):
        run_references(other, failing, registry(), SweepObserver())
    column = make_objective("success_avg", requests[0].task, registry())
    run_references([(one, column) for one in requests], failing, registry(), SweepObserver())


def test_what_has_no_reference_rows_is_tuned_for_a_column_alone(requests):
    closeness = make_objective(None, requests[0].task, registry())
    limited = requests[0].model_copy(update={"limit_train": 4})
    with pytest.raises(UsageError, match="limited runs and given targets.*--objective COLUMN"):
        run_references([(limited, closeness)], None, registry(), SweepObserver())
