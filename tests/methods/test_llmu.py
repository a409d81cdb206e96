"""LLMU: a worked example, and where its random answers come from."""

import math
from types import SimpleNamespace

import pytest

from unharness import UnlearnBatch
from unharness_methods.llmu import LLMU


def test_a_worked_example(known_model):
    streams = {
        "forget": known_model.says([-0.5, -1.0, -1.5], [-0.1, -0.4]),
        "random answer 1": known_model.says([-math.log(10)], [-math.log(10)]),
        "normal": known_model.says([-0.2, -0.4]),
    }
    own = known_model.table.detach()[streams["normal"].input_ids[0, :2]]
    says = SimpleNamespace(scored_logits=lambda stream, batch: own)
    made = LLMU(LLMU.Config(mismatches=1))
    loss = made.loss(known_model, UnlearnBatch(streams, says))
    assert loss.item() == pytest.approx(1.990085, abs=2e-6)


def test_its_streams():
    names = set(LLMU(LLMU.Config(mismatches=2)).streams())
    assert names == {"random answer 1", "random answer 2", "normal"}
    assert LLMU(LLMU.Config(random_weight=0, normal_weight=0)).streams() == {}
    retain = LLMU(LLMU.Config(normal="retain")).streams()["normal"]
    assert (retain.role, retain.reference) == ("retain", {"logits"})


@pytest.mark.parametrize(("tuning", "normal"), [("full", "general"), ("lora", "retain")])
def test_random_answers_are_those_of_normal_data(context, tuning, normal):
    work = context(tuning)
    made = LLMU(LLMU.Config(mismatches=2, normal=normal, epochs=1, batch_size=4, lr=1e-3))
    made.unlearn(work)
    pool = {row.answer for split in work.trainable(normal) for row in split.examples}
    [split] = work.trainable("forget")
    for row in split.examples:
        assert set(row.alternatives["random"]) == pool
    assert len(work.log.losses) == 2
    assert all(math.isfinite(value) for value in work.log.losses)
