"""What each question gave, and what guessing would give, from lm-eval's samples."""

import numpy
import pytest

from unharness.evaluation.suite import Knowledge
from unharness.evaluation.suite_answers import chance_level, question_numbers

CHOICE = {"output_type": "multiple_choice"}


def row(at, choices, right, **more):
    return {"doc_id": at, "filter": "none", "resps": [[0.0]] * choices, "acc": right, **more}


def test_every_question_is_kept_once_in_the_order_of_the_data():
    samples = {"a": [row(1, 4, 1.0), row(0, 4, 0.0)], "b": [row(0, 4, None)]}
    samples["a"].append(row(0, 4, 1.0) | {"filter": "strict"})
    found = question_numbers(samples, "acc", ["general/a", "general_avg"])
    assert found.role == "general"
    assert len(set(found.examples)) == len(found.groups) == 3
    for column in ("general/a", "general_avg"):
        numpy.testing.assert_array_equal(found.columns[column], [0.0, 100.0, numpy.nan])


def test_chance_is_the_mean_over_the_questions_asked():
    assert chance_level({"a": [row(0, 4, 1.0)] * 3}, {"a": CHOICE}, "acc") == 25.0
    mixed = {"a": [row(0, 2, 1.0), row(1, 4, 0.0)], "b": [row(0, 5, 0.0)]}
    expected = 100 * (1 / 2 + 1 / 4 + 1 / 5) / 3
    configs = {"a": CHOICE, "b": CHOICE}
    assert chance_level(mixed, configs, "acc_norm") == pytest.approx(expected)
    twice = {"a": [row(0, 8, 1.0, acc_mutual_info=1.0)]}
    assert chance_level(twice, configs, "acc") == 25.0


@pytest.mark.parametrize(
    ("config", "metric"),
    [
        ({"output_type": "generate_until"}, "acc"),
        (CHOICE | {"process_results": "shares of probability"}, "acc"),
        (CHOICE, "exact_match"),
    ],
)
def test_other_numbers_have_no_chance_level(config, metric):
    assert chance_level({"a": [row(0, 4, 1.0)]}, {"a": config}, metric) is None


def test_the_knowledge_suite_averages_all_but_hazardous_knowledge():
    averaged = {task.name for task in Knowledge.tasks if task.averaged}
    others = {task.name for task in Knowledge.tasks} - averaged
    assert others == {"wmdp_bio", "wmdp_chem", "wmdp_cyber"}
    assert len(averaged) == 9
