"""An attack that trains: on a copy, once, and on the target as well."""

import pytest

from unharness import load_records
from unharness.errors import PluginError

pytestmark = pytest.mark.slow
NAME = "probe-relearn"


def answered(record):
    """Share of the forget set's answer tokens that the model predicts."""
    return 100 - record.metrics["unlearn_success"].value


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_an_attack_that_trains_brings_facts_back(run_attacked, tuning):
    before = run_attacked("none", tuning=tuning)
    after = run_attacked(NAME, tuning=tuning)
    if tuning == "full":  # in so few steps an adapter unlearns nothing
        assert answered(after) > answered(before)
    assert after.run_id != before.run_id
    # The unlearned weights are what they were, and were not made again.
    assert after.training == before.training
    [done] = after.attacks
    assert done.name == NAME
    assert done.steps == 8
    assert done.report == {"examples": 4}
    assert done.weights_hash not in (None, before.training.weights_hash)
    assert before.attacks == []


def test_the_same_attack_is_made_once_and_on_the_target_too(run_attacked, tmp_path):
    both = ("none", f"{NAME}:examples=2")
    run_attacked(both)
    records = load_records(tmp_path / "results")
    assert {(one.spec.method, one.spec.attack_name) for one in records} == {
        (method, name) for method in ("gradient-difference", "vanilla") for name in both
    }
    [first] = [one for one in records if one.attacks and one.spec.method == "gradient-difference"]
    again = run_attacked(f"{NAME}:examples=2", limit=1)
    assert again.attacks == first.attacks  # the seconds too: nothing was done again
    assert again.run_id == first.run_id


def test_attacks_follow_each_other(run_attacked):
    record = run_attacked(f"{NAME} + prompt:text=Be brief.")
    assert [one.name for one in record.attacks] == [NAME, "prompt"]
    assert record.spec.attack_name == f"{NAME} + prompt:text=Be brief."
    assert record.attacks[1].wrapper == {"text": "Be brief."}


def test_a_faulty_attack_is_named(run_attacked):
    with pytest.raises(PluginError, match="'probe-broken' of plugin .* RuntimeError: not today"):
        run_attacked("probe-broken")
