"""Which values of a column are better: on a forget set, never what is better elsewhere."""

import pytest

from unharness import DataSource, MetricUse
from unharness.data.named_task import make_task
from unharness.registry import registry

OF_ANY_SPLIT = {
    "forget_quality": "nearness to the retrained model",
    "forget_quality_d": "distance from the retrained model",
    "divergence": "distance from the retrained model",
    "attack_balance": "nearness to an attack's chance",
    "s_mia": "nearness to the retrained model",
    "repetition": "spoilt text, which is bad whatever was asked",
}
"""Metrics whose better end is the same on a forget set as elsewhere, and what they measure."""
TASKS = [entry.name for entry in registry().entries("tasks") if entry.plugin.builtin]


@pytest.mark.parametrize("name", TASKS)
def test_no_column_of_the_forget_set_takes_the_direction_of_what_is_known(name: str):
    task = make_task(name, registry())
    splits = task.load(DataSource("standin")).splits
    for use in task.metrics:
        if not isinstance(use, MetricUse) or use.metric in OF_ANY_SPLIT:
            continue
        if use.split not in splits or splits[use.split].role != "forget":
            continue
        metric = registry().get("metrics", use.metric)
        assert use.direction or metric.direction == "match_reference", use.label


@pytest.mark.parametrize("teach", ["true", "false"])
def test_texts_and_choices_of_ones_own_are_to_match_where_they_are_to_be_forgotten(teach: str):
    task = make_task(f"files:teach={teach}", registry())
    found = {
        use.label: use.direction_of(registry().get("metrics", use.metric))
        for use in task.metrics
        if isinstance(use, MetricUse) and use.metric in ("answer_nats", "choice_accuracy")
    }
    assert found == {
        "forget_text_nats": "match_reference",
        "retain_text_eval_nats": "lower",
        "forget_choice_accuracy": "match_reference",
        "retain_choice_eval_accuracy": "higher",
    }
