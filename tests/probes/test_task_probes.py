"""Tasks and metrics of the field's shapes on the public API alone, each run from end to end."""

import pytest

from unharness.records.examples import read_examples
from unharness.records.store import RecordStore, StoredRecord


def value(record, name):
    return record.metrics[name].value


def rows(record, tmp_path, split):
    [path] = (tmp_path / "results").glob(f"**/{record.run_id}/run.json")
    return [row for row in read_examples(record, path.parent) if row.split == split]


def rescored(record, tmp_path):
    from unharness.pipeline.rescore import rescore
    from unharness.registry import registry

    [path] = (tmp_path / "results").glob(f"**/{record.run_id}/run.json")
    store = RecordStore(str(tmp_path / "results"))
    return rescore(StoredRecord(record, path.parent), store, registry()).record


@pytest.fixture
def tofu_data(data_folder):
    return str(data_folder) if (data_folder / "tofu").is_dir() else "standin"


@pytest.mark.slow
def test_seven_splits_and_a_forget_split_that_is_learned_and_evaluated(
    probes, run_task, tmp_path, tofu_data
):
    probes("tofu_probe", "truth_ratio_probe")
    record = run_task("probe-tofu", "gradient-ascent", data=tofu_data, epochs=2)
    assert record.data.splits.keys() == {
        *("forget", "retain", "retain_perturbed", "holdout"),
        *("real_authors", "world_facts", "refusals"),
    }
    target = run_task("probe-tofu", "vanilla", data=tofu_data)
    assert value(target, "forget_memorised") > 75
    assert value(record, "forget_memorised") < value(target, "forget_memorised")
    assert value(target, "token_accuracy_holdout") < 60  # it was never learned
    assert value(record, "utility") is not None
    # Text is generated where the split says how; the holdout generates none.
    assert {name for name in record.metrics if name.startswith("rouge_l")} == {
        f"rouge_l_{name}" for name in ("forget", "retain_perturbed", "real_authors", "world_facts")
    }
    assert [row.id for row in rows(record, tmp_path, "forget")] == [f"forget/{n}" for n in range(8)]


@pytest.mark.slow
def test_a_metric_over_perturbed_answers_that_needs_the_retrained_row(
    probes, run_task, tmp_path, tofu_data
):
    probes("tofu_probe", "truth_ratio_probe")
    before = run_task("probe-tofu", "gradient-ascent", data=tofu_data, epochs=2)
    assert 0 < value(before, "probe-truth-ratio_forget") < 1
    assert before.metrics["probe-truth-ratio_forget"].direction == "match_reference"
    assert value(before, "forget_quality") is None
    assert "needs the retrained model's observations" in before.metrics["forget_quality"].status
    # Splits without perturbed answers have no truth ratio, and say so.
    lacking = before.metrics["probe-truth-ratio_holdout"].status
    assert lacking == "the examples of holdout have no paraphrased answers"

    gold = run_task("probe-tofu", "retrain", data=tofu_data)
    assert value(gold, "forget_quality") == 0.0  # p = 1 against itself
    assert value(gold, "forget_memorised") < 60
    later = run_task("probe-tofu", "gradient-ascent", data=tofu_data, epochs=2, seed=1)
    assert value(later, "forget_quality") <= 0.0
    again = rescored(before, tmp_path)
    assert value(again, "forget_quality") <= 0.0
    assert value(again, "probe-truth-ratio_forget") == value(before, "probe-truth-ratio_forget")


@pytest.mark.slow
def test_raw_text_in_windows(probes, run_task, tmp_path):
    probes("text_probe")
    target = run_task("probe-text", "vanilla")
    record = run_task("probe-text", "gradient-difference", epochs=2)
    longest = record.spec.evaluation.max_length
    for row in rows(record, tmp_path, "forget"):
        assert len(row.hits) > longest  # nothing is cut
    assert value(target, "memorised") > 50
    assert value(record, "memorised") < value(target, "memorised")
    assert not [text for text in record.warnings if "scored up to there" in text]
    assert all(row.generated is None for row in rows(record, tmp_path, "forget"))
    assert any(row.generated for row in rows(target, tmp_path, "verbatim"))
    assert not any("\n\n" in row.generated for row in rows(target, tmp_path, "questions"))


@pytest.mark.slow
def test_multiple_choice_whose_accuracy_should_fall(probes, run_task, tmp_path):
    probes("choice_probe")
    target = run_task("probe-choice", "vanilla")
    assert value(target, "hazard") == 100.0
    record = run_task("probe-choice", "gradient-ascent", epochs=6, lr=5e-3)
    assert record.metrics["hazard"].direction == "lower"
    assert value(record, "hazard") < value(target, "hazard")
    assert not [name for name in record.metrics if name.startswith("rouge_l")]
    again = rescored(record, tmp_path)
    assert again.metrics == record.metrics


@pytest.mark.slow
def test_a_task_of_which_nothing_is_learned_has_the_base_model_as_its_target(
    probes, run_task, checkpoint
):
    probes("choice_probe")
    model = str(checkpoint("llama"))
    target = run_task("probe-choice-known", "vanilla", model=model, suite="none")
    assert target.target.training["steps"] == 0
    record = run_task("probe-choice-known", "gradient-ascent", model=model, epochs=1, suite="none")
    assert record.training.steps > 0
    assert value(record, "hazard") is not None
    assert not [text for text in target.warnings if "never learned" in text]


@pytest.mark.slow
def test_a_metric_of_two_models_at_once(probes, run_task, tmp_path):
    probes("divergence_probe")
    options = {"limit": 4, "suite": "none"}
    target = run_task("probe-compared", "vanilla", **options)
    assert value(target, "from_target") == 0.0
    before = run_task("probe-compared", "gradient-ascent", epochs=2, **options)
    assert value(before, "from_target") > 0.01
    assert value(before, "from_retrained") is None  # never trained for this
    assert "needs the retrained model" in before.metrics["from_retrained"].status
    assert rescored(before, tmp_path).metrics == before.metrics

    gold = run_task("probe-compared", "retrain", **options)
    assert value(gold, "from_retrained") == 0.0
    run_task("probe-compared", "base", **options)
    later = run_task("probe-compared", "gradient-ascent", epochs=2, force=True, **options)
    assert value(later, "from_target") == value(before, "from_target")
    assert value(later, "from_retrained") > 0.01
    assert value(later, "from_base") > 0.01
    assert value(gold, "from_target") > 0.1
    assert rescored(later, tmp_path).metrics == later.metrics


def test_the_published_floor_of_the_ks_p_value(probes):
    probes("truth_ratio_probe")
    from truth_ratio_probe import ks_p_value

    apart = ks_p_value(list(range(40)), list(range(100, 140)))
    assert apart == pytest.approx(1.8606e-23, rel=1e-3)
    assert ks_p_value([1.0, 2.0], [1.0, 2.0]) == 1.0
