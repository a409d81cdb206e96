import json
import random

import numpy
import pytest
from click.testing import CliRunner

from unharness.errors import UsageError
from unharness.records.collection import load_records
from unharness.records.files import write_json_lines
from unharness.records.store import EXAMPLES_FILE
from unharness.report.build import build_board
from unharness.report.paired import compare
from unharness.report.scale import within_range

COUNT = 60


def scores_of(method, seed, shift, noise=5.0):
    """Scores by split: the questions differ a lot, the methods a little."""
    hard = random.Random(1)
    own = random.Random(f"{method} {seed}")
    return {
        split: [hard.uniform(20, 80) + shift + own.gauss(0, noise) for _ in range(COUNT)]
        for split in ("forget_eval", "retain_eval")
    }


@pytest.fixture
def put(make_record, store, save_numbers):
    """put(method, seed, shift) -> a record whose metrics are the means of its examples."""

    def write(method, seed=0, shift=0.0, noise=5.0, **changes):
        columns = scores_of(method, seed, shift, noise)
        means = {split: float(numpy.mean(column)) for split, column in columns.items()}
        metrics = {
            "retention_success": means["retain_eval"],
            "success_avg": (means["forget_eval"] + means["retain_eval"]) / 2,
            "retention_ppl": float(numpy.exp(-means["retain_eval"] / 100)),
            "odd": 12.0,
        }
        record = make_record(method, metrics, seed=seed, **changes)
        lines = [
            {"split": split, "id": f"{split}/{at}", "prompt": "q", "answer": "a"}
            | {"generated": f"{method} says"}
            | {
                "scores": {"success_avg": score, "odd": score}
                | ({"retention_success": score} if split == "retain_eval" else {})
                | ({"retention_ppl": score / 100} if split == "retain_eval" else {})
            }
            for split, column in columns.items()
            for at, score in enumerate(column)
        ]
        forget, retain = columns["forget_eval"], columns["retain_eval"]
        kept = {"retention_success": retain, "retention_ppl": [one / 100 for one in retain]}
        both = {"success_avg": retain, "odd": retain}
        of_forget = {"success_avg": forget, "odd": forget}
        save_numbers(record, {"forget_eval": of_forget, "retain_eval": both | kept})
        write_json_lines(store.folder(record.spec) / EXAMPLES_FILE, lines)
        return record

    return write


def comparison(store, a="a", b="b"):
    [group] = build_board(store).groups
    rows = {row.method: row for row in group.rows}
    records = {record.run_id: record for record in load_records(store.root)}
    folders = {run: store.folder(record.spec) for run, record in records.items()}
    return compare(group, rows[a], rows[b], folders, records)


def test_pairing_finds_what_the_intervals_of_each_would_hide(put, store):
    put("a", shift=3.0, noise=1.0)
    put("b", noise=1.0)
    found = {one.column.name: one for one in comparison(store).differences}
    average = found["success_avg"]
    assert average.value == pytest.approx(3.0, abs=0.5)
    assert average.ci95[0] > 2.0
    assert average.ci95[1] < 4.0  # the questions alone differ by 60
    assert average.better == 1
    assert (average.examples, average.seeds) == (110, 1)


@pytest.mark.slow
def test_the_interval_covers_zero_where_there_is_no_difference(put, store):
    covered = 0
    for trial in range(12):
        put(f"a{trial}")
        put(f"b{trial}")
        found = comparison(store, f"a{trial}", f"b{trial}")
        (average,) = [one for one in found.differences if one.column.name == "success_avg"]
        covered += average.better == 0
    assert covered >= 10


def test_a_perplexity_is_compared_in_nats_and_lower_is_better(put, store):
    put("a", shift=5.0, noise=1.0)
    put("b", noise=1.0)
    found = comparison(store)
    (one,) = [one for one in found.differences if one.column.name == "retention_ppl"]
    assert one.log
    assert one.value == pytest.approx(-0.05, abs=0.01)
    assert one.better == 1
    # Its value is not the mean of its examples: nothing says how uncertain it is.
    assert {o.column.name: o.ci95 for o in found.differences}["odd"] is None


def test_the_spread_of_seeds_counts(put, store):
    for seed, shift in enumerate([8.0, -6.0, 9.0, -7.0]):
        put("a", seed, shift, noise=0.1)
        put("b", seed, noise=0.1)
    found = comparison(store)
    (average,) = [one for one in found.differences if one.column.name == "success_avg"]
    assert found.pairs == tuple(((0, seed), (0, seed)) for seed in range(4))
    assert average.ci95[0] < -3
    assert average.ci95[1] > 3


def test_changes_come_worst_first(put, store):
    put("a")
    put("b")
    changes = comparison(store).changes
    differences = [change.scores[0] - change.scores[1] for change in changes]
    assert differences == sorted(differences)
    assert changes[0].texts == ("a says", "b says")


def test_without_a_common_seed_the_runs_are_independent(put, store, ask):
    for seed in (0, 1):
        put("a", seed)
        put("b", seed + 2)
    found = comparison(store)
    assert found.pairs == ()
    assert all(one.better == 0 for one in found.differences)
    assert "fewer than two seeds in common" in ask("a", "b")


def test_without_a_common_target_the_runs_are_independent_and_it_is_said(put, store, ask):
    for target, method in enumerate(("a", "b")):
        for seed in (0, 1):
            put(method, seed, target_recipe={"epochs": 22, "lr": 0.004, "seed": target})
    assert comparison(store).pairs == ()
    assert "no target model in common" in ask("a", "b")


def test_without_examples_the_numbers_alone_are_compared(put, store):
    put("a", shift=9.0)
    record = put("b")
    (store.folder(record.spec) / EXAMPLES_FILE).unlink()
    found = comparison(store)
    assert found.changes == ()
    assert {one.column.name: one.better for one in found.differences}["success_avg"] == 1


@pytest.fixture
def ask(store):
    from unharness.cli.compare import compare_command

    def call(*words):
        done = CliRunner().invoke(compare_command, [*words, "--results", str(store.root)])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done.output

    return call


def test_the_command_says_it_in_words(put, ask):
    put("a", shift=9.0)
    put("b")
    text = ask("a", "b", "--examples", "1")
    assert "Avg: a is better than b." in text
    assert "worst for A (a)" in text
    assert "b says" in text
    found = json.loads(ask("a", "b", "--format", "json"))
    assert {one["metric"]: one["better"] for one in found["differences"]}["success_avg"] == "a"


def test_without_an_interval_nothing_is_called_insignificant(put, ask):
    put("a", shift=0.1)
    put("b")
    lines = ask("a", "b").splitlines()
    [odd] = [line for line in lines if line.startswith("odd ")]
    assert odd.rstrip().endswith("no interval")
    assert any(line.startswith("success_avg") and "not significant" in line for line in lines)
    found = json.loads(ask("a", "b", "--format", "json"))["differences"]
    [verdict] = [one["verdict"] for one in found if one["metric"] == "odd"]
    assert verdict == "Odd: without an interval nothing says whether a and b differ."


def test_the_interval_of_a_difference_of_shares_stays_in_its_range(put, store):
    for seed, shift in enumerate((-25.0, 40.0)):  # two seeds: t of one degree of freedom
        put("a", seed, shift, noise=0.1)
        put("b", seed, noise=0.1)
    found = {one.column.name: one for one in comparison(store).differences}
    low, high = found["success_avg"].ci95
    assert (low, high) == (-100.0, 100.0)
    assert within_range((-501.0, 30.0), "%", (20.0, 60.0)) == (-100.0, 30.0)
    assert within_range((-501.0, 429.0), "%", (20.0, 160.0)) == (-501.0, 429.0)  # no share
    assert within_range((-501.0, 429.0), "points", (20.0, 60.0)) == (-501.0, 429.0)
    assert within_range(None, "%", (20.0, 60.0)) is None


def test_what_cannot_be_compared_is_refused_with_the_reason(put, ask):
    put("a")
    put("b", model="other")
    with pytest.raises(UsageError, match="'a' and 'b' cannot be compared: they differ in model"):
        ask("a", "b")
    with pytest.raises(UsageError, match="no run id matches 'c'"):
        ask("a", "c")
    with pytest.raises(UsageError, match="are the same row"):
        ask("a", "a")
    put("b")
    put("a", config={"lr": 1})
    with pytest.raises(UsageError, match="several rows match"):
        ask("a", "b")


@pytest.fixture
def put_mia(make_record, store, save_numbers):
    """put_mia(method, level) -> a record whose `mia`, which should match retrain's, is near it."""

    def write(method, level, seed=0):
        own = random.Random(f"{method} {seed}")
        column = [level + own.gauss(0, 2.0) for _ in range(COUNT)]
        metrics = {"mia": float(numpy.mean(column)), "success_avg": 50.0}
        record = make_record(method, metrics, seed=seed)
        save_numbers(record, {"forget_eval": {"mia": column}})
        write_json_lines(
            store.folder(record.spec) / EXAMPLES_FILE,
            [
                {"split": "forget_eval", "id": str(at), "prompt": "q", "answer": "a"}
                | {"generated": "x", "scores": {"mia": score}}
                for at, score in enumerate(column)
            ],
        )
        return record

    return write


@pytest.mark.parametrize(("a", "b", "better"), [(52.0, 30.0, 1), (52.0, 90.0, 1), (10.0, 60.0, -1)])
def test_what_should_match_is_compared_by_its_distance_to_the_retrained_row(
    put_mia, store, a, b, better
):
    put_mia("a", a)
    put_mia("b", b)
    put_mia("retrain", 50.0)
    found = {one.column.name: one for one in comparison(store).differences}["mia"]
    assert found.better == better  # neither higher nor lower is better: closer to 50 is
    assert found.distance
    assert found.value == pytest.approx(abs(a - 50) - abs(b - 50), abs=1.5)
    assert found.ci95[0] <= found.value <= found.ci95[1]


def test_equal_distances_on_both_sides_are_no_difference(put_mia, store):
    put_mia("a", 40.0)
    put_mia("b", 60.0)
    put_mia("retrain", 50.0)
    [found] = [one for one in comparison(store).differences if one.column.name == "mia"]
    assert found.better == 0


def test_without_a_retrained_row_what_should_match_is_not_judged(put_mia, store, ask):
    put_mia("a", 40.0)
    put_mia("b", 90.0)
    found = comparison(store)
    assert "mia" not in {one.column.name for one in found.differences}
    assert found.unmatched == ("mia",)
    assert "mia: should match the retrained model" in ask("a", "b")


def test_the_verdict_names_the_retrained_model(put_mia, ask):
    put_mia("a", 52.0)
    put_mia("b", 90.0)
    put_mia("retrain", 50.0)
    found = json.loads(ask("a", "b", "--format", "json"))["differences"]
    [one] = [one for one in found if one["metric"] == "mia"]
    assert (one["better"], one["unit"]) == ("a", "points from retrained")
    assert one["verdict"] == "Mia: a is closer to the retrained model than b."
