"""Brief fine-tuning on a part of what was forgotten."""

import pytest

from unharness import (
    AttackContext,
    DataOrigin,
    Example,
    FineTuneConfig,
    MethodError,
    Split,
    TaskData,
)
from unharness_attacks.relearn import Relearn, part

SPLIT = Split(
    "secret",
    "forget",
    examples=tuple(
        Example(f"s{n}", f"Question {n}?", f"Answer {n}", group=f"g{n // 2}") for n in range(8)
    ),
)
KEPT = Split("kept", "retain", examples=(Example("k", "Where?", "There it is"),))


def test_whole_groups_are_chosen_by_the_seed_alone():
    half = part(SPLIT, 0.5, seed=0)
    groups = {row.group for row in half.examples}
    assert (len(half), len(groups)) == (4, 2)
    turned = part(SPLIT.with_examples(SPLIT.examples[::-1]), 0.5, seed=0)
    assert {row.id for row in turned.examples} == {row.id for row in half.examples}
    others = {frozenset(row.id for row in part(SPLIT, 0.5, seed).examples) for seed in range(9)}
    assert len(others) > 1
    assert len(part(SPLIT, 0.01, seed=0)) == 2  # one group at least
    assert part(SPLIT, 1.0, seed=3) == SPLIT


@pytest.fixture
def context(load_checkpoint):
    def make(seed=0, splits=(SPLIT, KEPT)):
        model, tokenizer = load_checkpoint("llama")
        data = TaskData.of(splits, DataOrigin("path", "here"))
        return AttackContext(model, tokenizer, data, seed, 64, "cpu", target_recipe=None)

    return make


def relearn(context, **settings):
    Relearn(Relearn.Config(**settings)).apply(context)
    return context.state()


def test_models_of_every_seed_relearn_from_the_same_batches(context):
    first, second = context(seed=0), context(seed=5)
    one, two = (relearn(where, lr=1e-3, batch_size=2) for where in (first, second))
    assert all(bool((one[name] == two[name]).all()) for name in one)
    assert first.report == {"examples": {"secret": 4}, "lr": 1e-3}
    assert first.log.steps == 2
    other = relearn(context(), lr=1e-3, batch_size=2, seed=1)
    assert any(bool((one[name] != other[name]).any()) for name in one)


def test_other_roles_can_be_trained_on(context):
    where = context()
    relearn(where, lr=1e-3, source="retain", share=1.0)
    assert where.report["examples"] == {"kept": 1}
    with pytest.raises(MethodError, match="no holdout split"):
        relearn(context(), lr=1e-3, source="holdout")


def test_the_default_rate_is_a_tenth_of_the_target_s(context):
    where = context()
    where.target_recipe = FineTuneConfig(lr=2e-3)
    relearn(where)
    assert where.report["lr"] == pytest.approx(2e-4)


def test_a_rate_is_needed_where_nothing_says_how_the_target_learned(context):
    with pytest.raises(MethodError, match="set a rate"):
        relearn(context())
