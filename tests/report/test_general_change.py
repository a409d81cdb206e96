"""General knowledge on the board: chance, the number of questions, and the change in pairs."""

import json

import numpy
import pytest

from unharness.report.build import build_board
from unharness.report.formats import to_json, to_markdown

NAME = "general/mmlu"
BEFORE = [100.0, 0.0] * 40
AFTER = [100.0, 0.0] * 38 + [0.0] * 4
"""Two questions of eighty are lost."""
FACTS = {
    "averaged": ["mmlu", "arc"],
    "tasks": {"mmlu": {"chance": 25.0}, "arc": {"chance": 35.0}, "open": {"chance": None}},
}


def record_of(make_record, method, values, **changes):
    mean = float(numpy.mean(values))
    metrics = {NAME: (mean, mean - 11.0, mean + 11.0), "general_avg": mean}
    made = make_record(method, metrics, **changes)
    made.metrics[NAME].n = len(values)
    made.general = FACTS
    return made


@pytest.fixture
def records(make_record):
    return [record_of(make_record, "vanilla", BEFORE), record_of(make_record, "kl", AFTER)]


def change(board):
    kl = next(row for row in json.loads(to_json(board)) if row["method"] == "kl")
    return kl["metrics"][NAME]


def test_the_change_is_paired_by_question(records, save, save_numbers):
    for record, values in zip(records, (BEFORE, AFTER), strict=True):
        save_numbers(record, {NAME: {NAME: values}})
    found = change(build_board(save()))
    lost = numpy.array(AFTER) - numpy.array(BEFORE)
    error = numpy.std(lost, ddof=1) / numpy.sqrt(len(lost))
    assert found["change"] == pytest.approx(lost.mean())
    low, high = found["change_ci95"]
    # Student's t of 79 degrees of freedom.
    assert (high - low) / 2 == pytest.approx(1.9905 * error, rel=1e-3)


def test_without_the_answers_the_errors_add_up(records, save):
    low, high = change(build_board(save(*records)))["change_ci95"]
    assert (high - low) / 2 == pytest.approx(11.0 * 2**0.5, rel=1e-3)


def test_no_change_leaves_open_what_so_many_questions_can_hide(make_record, save, save_numbers):
    for record in (record_of(make_record, name, BEFORE) for name in ("vanilla", "kl")):
        save_numbers(record, {NAME: {NAME: BEFORE}})
    found = change(build_board(save()))
    bound = 100 * (1 - 0.025 ** (1 / 80))
    assert (found["change"], found["change_ci95"]) == (0.0, pytest.approx([-bound, bound]))


def test_each_run_is_set_against_its_own_target(make_record, save, save_numbers):
    weaker = [0.0] * len(BEFORE)  # the other target, which no run of the method started from
    for method, target, seed, values in (
        ("vanilla", 0, 0, BEFORE),
        ("vanilla", 1, 0, weaker),
        ("kl", 0, 0, AFTER),
        ("kl", 0, 1, AFTER),
    ):
        recipe = {"epochs": 22, "lr": 0.004, "seed": target}
        made = record_of(make_record, method, values, seed=seed, target_recipe=recipe)
        save_numbers(made, {NAME: {NAME: values}})
    found = change(build_board(save()))
    assert found["change"] == pytest.approx(numpy.mean(AFTER) - numpy.mean(BEFORE))
    low, high = found["change_ci95"]
    assert (low + high) / 2 == pytest.approx(found["change"])


def test_chance_and_the_number_of_questions_stand_in_the_header(records, save):
    board = build_board(save(*records))
    text = to_markdown(board)
    assert "General mmlu (n=80) (chance 25.0) ↑" in text
    assert "(chance 30.0)" in text  # of the average
    assert "General knowledge: below the interval" in text
    assert change(board)["chance"] == 25.0


def test_older_records_have_no_chance_level(make_record, save):
    board = build_board(save(make_record(metrics={NAME: 50.0})))
    assert "chance" not in to_markdown(board)
    assert "chance" not in json.loads(to_json(board))[0]["metrics"][NAME]
