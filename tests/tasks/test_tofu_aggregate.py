"""OpenUnlearning's aggregate among TOFU's columns: what it is of, and what it costs."""

import pytest

from unharness import DataSource, Score
from unharness.data.named_task import make_task
from unharness.evaluation.columns import CompositeColumn, MetricColumn, resolve_columns
from unharness.evaluation.composites import composite_score
from unharness.registry import registry
from unharness_tasks.tofu.metrics import AGGREGATE, COLUMN_PRESETS, METRICS


@pytest.fixture(scope="module")
def columns():
    """Every column by its label."""
    data = make_task("tofu", registry()).load(DataSource("standin"))
    splits = {split.name: split for split in data.evaluated()}
    return {one.label: one for one in resolve_columns(METRICS, splits, registry())}


def test_it_is_the_tree_of_the_paper(columns):
    # reference/METRICS.md, section 12, memorisation: ES .25, EM .60, paraphrases .30, c/(c+w) .55.
    known = {"unextracted": 25, "unmemorised": 60, "unparaphrased": 30, "undistinguished": 55}
    values = {f"forget_{name}": 100.0 - one for name, one in known.items()}
    values |= {f"forget_s_mia_{name}": 50.0 for name in ("loss", "zlib", "min_k", "min_k_pp")}
    values |= {"model_utility": 45.0, "forget_unlooped": 80.0}
    target = {"model_utility": Score(60.0, 1), "forget_unlooped": Score(100.0, 1)}
    scores = {name: Score(one, 1) for name, one in values.items()}
    for use in AGGREGATE:
        column = columns[use.label]
        if isinstance(column, CompositeColumn):
            references = {"target": [target[column.of[0]]]} if column.references else {}
            scores[column.label] = composite_score(column.kind, column.of, scores, references)
    found = {name: one.value for name, one in scores.items()}
    assert found["open_unlearning_memorisation"] == pytest.approx(53.4464, abs=5e-5)
    assert found["open_unlearning_privacy"] == pytest.approx(50.0)
    assert found["open_unlearning_utility"] == pytest.approx(2 / (1 / 75 + 1 / 80))
    parts = (53.446402, 50.0, found["open_unlearning_utility"])
    whole = 3 / sum(1 / one for one in parts)
    assert found["open_unlearning_aggregate"] == pytest.approx(whole, abs=5e-5)


def test_each_part_is_of_the_metric_that_the_paper_names(columns):
    parts = {
        name: (one.metric.name, one.metric.params.model_dump(), one.complement)
        for name in columns["open_unlearning_memorisation"].of
        if isinstance(one := columns[name], MetricColumn)
    }
    assert [name for name, _, _ in parts.values()] == [
        *("extraction_strength", "exact_memorisation", "paraphrase_probability", "truth_ratio")
    ]
    assert all(complement for _, _, complement in parts.values())
    _, ratio, _ = parts["forget_undistinguished"]
    assert ratio == {"correct": "paraphrase", "aggregate": "prob_mean"}
    for name in columns["open_unlearning_privacy"].of:
        column = columns[name]
        assert (column.metric.name, column.against) == ("s_mia", "holdout")
        assert column.metric.params.attack == name.removeprefix("forget_s_mia_")


def test_it_asks_for_nothing_that_is_not_observed_anyway(columns):
    def asked(labels):
        return {
            (split, part)
            for label in labels
            if isinstance(one := columns[label], MetricColumn)
            for split in one.splits
            for part in one.metric.observes().parts()
        }

    more = {use.label for use in AGGREGATE}
    assert asked(more) <= asked(columns.keys() - more)


def test_it_stands_in_no_table_unless_it_is_asked_for(columns):
    assert all(columns[use.label].detail for use in AGGREGATE)
    assert COLUMN_PRESETS["open-unlearning-aggregate"][0] == "open_unlearning_aggregate"
    assert set(COLUMN_PRESETS["open-unlearning-aggregate"]) <= columns.keys()
