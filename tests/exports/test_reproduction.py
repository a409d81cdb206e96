"""A record run again: what differs is named, and judged by the record's own intervals."""

import json
import shutil

import pytest

from unharness.cli.reproduce import verdict
from unharness.errors import RecordError
from unharness.pipeline.command_line import run_command
from unharness.pipeline.reproduction import compared
from unharness.records.record import TargetRecord, TrainingRecord

HERE = {"packages": {"torch": "2.13"}, "hardware": {"device": "cpu", "threads": 1}}


@pytest.fixture
def record(make_record):
    return make_record(
        "kl",
        {"a": (70.0, 65.0, 75.0), "b": 3.0, "none": None},
        provenance=HERE,
        target=TargetRecord(weights_hash="t", tuning="full", cached=False, training={}),
        training=TrainingRecord(weights_hash="u"),
    )


def changed(record, **facts):
    return record.model_copy(deep=True, update=facts)


def with_value(record, label, value):
    again = record.model_copy(deep=True)
    again.metrics[label].value = value
    return again


def test_an_equal_record_is_reproduced(record):
    found = compared(record, changed(record))
    assert (found.weights, found.surroundings, found.reproduced) == ((), (), True)
    assert {one.label: one.verdict for one in found.metrics} == {"a": "equal", "b": "equal"}
    assert "weights are equal bit for bit" in verdict(found)


@pytest.mark.parametrize(
    ("label", "value", "judged", "reproduced"),
    [
        ("a", 74.9, "within", True),
        ("a", 75.1, "outside", False),
        ("b", 3.0 + 1e-12, "equal", True),
        ("b", 3.1, "outside", False),
        ("b", None, "missing", False),
    ],
)
def test_a_metric_is_judged_by_its_own_interval(record, label, value, judged, reproduced):
    found = compared(record, with_value(record, label, value))
    assert next(one.verdict for one in found.metrics if one.label == label) == judged
    assert found.reproduced is reproduced
    assert verdict(found).startswith("reproduced" if reproduced else "not reproduced")


def test_a_metric_of_another_version_is_another_metric(record):
    again = record.model_copy(deep=True)
    again.metrics["a"].version = 2
    assert compared(record, again).metrics[0].verdict == "missing"


def test_a_column_that_is_new_is_no_part_of_the_record(record):
    again = record.model_copy(deep=True)
    again.metrics["new"] = again.metrics["a"]
    found = compared(record, again)
    assert found.reproduced
    assert "new" not in [one.label for one in found.metrics]
    again = record.model_copy(deep=True)
    del again.metrics["a"]
    assert not compared(record, again).reproduced


def test_other_bits_on_a_cpu_need_other_surroundings(record):
    other = changed(record, training=TrainingRecord(weights_hash="v"))
    found = compared(record, other)
    assert [one.name for one in found.weights] == ["unlearned"]
    assert not found.reproduced
    assert "where equal bits are expected" in verdict(found)
    newer = changed(other, provenance=HERE | {"packages": {"torch": "2.14"}})
    found = compared(record, newer)
    assert [(one.name, one.before, one.after) for one in found.surroundings] == [
        ("packages.torch", "2.13", "2.14")
    ]
    assert found.reproduced
    assert "weights differ" in verdict(found)


def test_a_command_asks_for_what_was_passed():
    passed = {
        "results": "r s",
        "method": "kl",
        "set": {"lr": 0.1, "mu": "q0.9", "text": "0.5", "layers": [1, 2]},
        "attack": ["none", "relearn:epochs=2"],
        "save_weights": True,
        "force": False,
        "tuned": 8,
        "target_set": {"seed": 1},
        "limit": None,
    }
    assert run_command(passed, "--save-weights") == (
        "unharness run --method kl --results 'r s' --set lr=0.1 --set mu=q0.9 "
        "--set 'text=\"0.5\"' --set 'layers=[1, 2]' --attack none --attack relearn:epochs=2 "
        "--target-set seed=1 --save-weights"
    )


@pytest.mark.slow
def test_a_run_is_made_again(micro_store, micro_records, main_here, tmp_path):
    run = micro_records["quantize:bits=4"].record.run_id
    words = (
        "--results",
        micro_store.root,
        "--cached-target",
        "--quiet",
        "--keep",
        tmp_path / "new",
    )
    code, out, err = main_here("reproduce", run, *words, "--format", "json")
    assert code == 0, err
    found = json.loads(out)
    assert found["reproduced"]
    assert (found["weights"], found["surroundings"], found["spec"]) == ([], [], [])
    assert {one["verdict"] for one in found["metrics"]} == {"equal"}
    code, _, err = main_here("reproduce", run, *words)
    assert code == 2
    assert "is not empty" in err


@pytest.mark.slow
def test_what_is_no_longer_the_same_run_is_not_run(
    micro_store, micro_records, main_here, data_folder, tmp_path
):
    changed = shutil.copytree(data_folder / "knowundo", tmp_path / "knowundo")
    path = changed / "privacy" / "unlearn_train.json"
    rows = [row | {"labels": f"{row['labels']} So."} for row in json.loads(path.read_text())]
    path.write_text(json.dumps(rows))
    words = ("--results", micro_store.root, "--quiet", "--data", tmp_path)
    run = micro_records["none"].record.run_id
    code, out, err = main_here("reproduce", run, *words)
    assert code == 1, err
    assert "data_hash: " in out
    assert "unlearn.target.learned.forget_train: " in out
    assert out.splitlines()[-1].startswith(f"not run: {run}")


def test_a_run_that_failed_or_came_from_outside_is_refused(make_record, tmp_path):
    from unharness.pipeline.reproduce import reproduce
    from unharness.progress import Progress
    from unharness.records.store import StoredRecord
    from unharness.registry import registry

    for record, words in (
        (make_record("kl", status="failed"), "nothing can be compared"),
        (make_record("external"), "from outside"),
        (make_record("kl"), "did not say how to run it again"),
    ):
        found = StoredRecord(record, tmp_path)
        with pytest.raises(RecordError, match=words):
            reproduce(found, {}, tmp_path / "scratch", registry(), Progress())
    assert not (tmp_path / "scratch").exists()
