"""Built-in attacks on weights, from the command's own function to the record."""

import pytest

from unharness import load_records, run
from unharness.pipeline.stages.attack import WITHOUT_WRAPPER

pytestmark = pytest.mark.slow
RELEARN = "relearn:share=1,epochs=4,batch_size=4,lr=1e-3"


@pytest.fixture
def attacked(tmp_path, data_folder):
    def call(attack, method="gradient-difference", **options):
        where = {"data": str(data_folder), "results": str(tmp_path / "results")}
        where |= {"max_new_tokens": 8}  # what it says is not looked at
        return run(method, "knowundo-privacy", model="micro", attack=attack, **where, **options)

    return call


def known(record):
    """Share of the forget set's answer tokens that the model predicts."""
    return 100 - record.metrics["unlearn_success"].value


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_attacks_on_weights(attacked, tmp_path, tuning):
    names = ("none", RELEARN, "quantize:bits=4", "quantize:bits=8")
    plain = attacked(names, tuning=tuning)
    rows = {
        one.spec.attack_name: one
        for one in load_records(tmp_path / "results")
        if one.spec.method == "gradient-difference"
    }
    assert set(rows) == set(names)
    assert len({one.run_id for one in rows.values()}) == 4
    again = rows[RELEARN]
    [use] = again.spec.attacks
    assert (use.name, use.version) == ("relearn", 1)
    assert use.config["epochs"] == 4
    assert set(use.splits) >= {"forget_train", "retain_train"}
    if tuning == "full":  # in so few steps an adapter unlearns nothing
        assert known(again) > known(plain) + 5
    hashes = {one.attacks[0].weights_hash for name, one in rows.items() if name != "none"}
    assert len(hashes) == 3
    assert plain.training.weights_hash not in hashes
    four, eight = (rows[f"quantize:bits={bits}"].attacks[0].report for bits in (4, 8))
    assert four["relative_error"] > 5 * eight["relative_error"] > 0
    assert rows["quantize:bits=8"].metrics["unlearn_success"].value == pytest.approx(
        plain.metrics["unlearn_success"].value, abs=5
    )


def test_an_attack_gives_the_same_weights_when_it_is_made_again(attacked):
    first = attacked("relearn:lr=1e-3 + quantize", limit=2)
    again = attacked("relearn:lr=1e-3 + quantize", limit=2, force=True)
    assert [one.name for one in first.attacks] == ["relearn", "quantize"]
    assert [one.weights_hash for one in again.attacks] == [
        one.weights_hash for one in first.attacks
    ]


def test_the_adapter_can_be_merged_before_it_relearns(attacked):
    record = attacked("relearn:lr=1e-3,merge=true", tuning="lora", limit=2)
    other = attacked("relearn:lr=1e-3", tuning="lora", limit=2)
    assert record.attacks[0].weights_hash != other.attacks[0].weights_hash


def test_an_attack_on_weights_leaves_a_method_s_inference_wrapper_out(attacked, tmp_path):
    attacked(("none", "quantize:bits=8", "prompt:text=Be brief."), method="in-context")
    rows = {
        (one.spec.method, one.spec.attack_name): one for one in load_records(tmp_path / "results")
    }
    before, after = rows["in-context", "none"], rows["in-context", "quantize:bits=8"]
    target = rows["vanilla", "quantize:bits=8"]
    assert after.metrics["unlearn_success"].value == target.metrics["unlearn_success"].value
    assert after.metrics["unlearn_success"].value != before.metrics["unlearn_success"].value
    assert WITHOUT_WRAPPER in after.warnings
    for name in ("none", "prompt:text=Be brief."):
        assert WITHOUT_WRAPPER not in rows["in-context", name].warnings
