"""The folder of records: nothing lost, nothing half-read, nothing outside of it touched."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unharness import RunRecord, load_records
from unharness.errors import RecordError
from unharness.records.record import (
    AnswersRecord,
    AttackRecord,
    CostRecord,
    DataRecord,
    MetricRecord,
    RankingRecord,
    TargetRecord,
    TrainingRecord,
)
from unharness.records.run_file import file_of
from unharness.records.spec import RunSpec
from unharness.records.stage_specs import IDENTITY_VERSION
from unharness.records.store import RecordStore, Unreadable, path_name, read_records


def _spec(**changes: Any) -> RunSpec:
    fields: dict[str, Any] = {
        "task": "knowundo-privacy",
        "task_version": 1,
        "data_hash": "d" * 64,
        "base_hash": "b" * 64,
        "tuning": "lora",
        "target_tuning": "full",
        "lora": {"r": 8, "alpha": 16, "dropout": 0.1},
        "target_recipe": {"epochs": 2},
        "method": "memflex",
        "method_version": 1,
        "config": {"lr": 3e-4, "mu": "q0.9"},
        "seed": 0,
        "dtype": "float32",
        "evaluation": {"metrics": ("success_avg",), "engine": "hf"},
        "model": "tiny",
        "data": "auto",
        "data_source": "path",
        "device": "cpu",
        "results": "results",
    }
    return RunSpec.of(**fields | changes)


def _record(spec: RunSpec | None = None, **changes: Any) -> RunRecord:
    spec = spec or _spec()
    fields: dict[str, Any] = {
        "run_id": spec.run_id(),
        "identity_version": IDENTITY_VERSION,
        "status": "done",
        "started": "2026-01-01T00:00:00+00:00",
        "spec": spec,
    }
    return RunRecord(**fields | changes)


def _full() -> RunRecord:
    """A record with something in every field."""
    return _record(
        partial=True,
        finished="2026-01-01T00:01:00+00:00",
        passed={"method": "memflex", "set": {"mu": "q0.5"}, "limit": None},
        data=DataRecord(
            source="path",
            description="/data/ünïcode",
            hash="h",
            splits={"forget_eval": {"n": 3, "hash": "x"}},
            truncated={"forget_eval": 1},
        ),
        target=TargetRecord(weights_hash="w", tuning="full", cached=True, training={"steps": 3}),
        training=TrainingRecord(
            steps=2,
            examples=32,
            tokens=100,
            losses=[0.1 + 0.2, 1e-300],
            trainable_parameters=10,
            total_parameters=20,
            weights_hash="v",
            report={"region": {"mu": 0.5, "tensors": [{"name": "a", "cosine": -0.1}]}},
        ),
        metrics={
            "success_avg": MetricRecord(
                value=1 / 3, ci95=(0.1, 0.7), stderr=0.05, n=3, unit="%", direction="higher"
            ),
            "unlearn_ppl": MetricRecord(
                value=None, n=0, n_unscored=3, unit="", direction="lower", status="not observed"
            ),
        },
        ranking=RankingRecord(headline="x", forget_axis="a", retain_axes=["b"]),
        cost=CostRecord(train_seconds=1.5, peak_memory_gb=0.9, stages={"unlearn": 1.5}),
        attacks=[AttackRecord(name="prompt", wrapper={"text": "Hm?"})],
        engine={"name": "hf"},
        answers={"retain_eval": AnswersRecord(role="retain", n=108, loops=0.1, predicted=0.7)},
        general={"suite": "general-facts", "tasks": {}},
        seeds={"order": 2**32 - 1},
        provenance={"unharness": {"version": "0.1.0", "dirty": None}},
        artifacts={"examples": {"path": "examples.jsonl.gz", "sha256": "s", "bytes": 9}},
        warnings=["one"],
        error="none, really",
    )


@pytest.fixture
def store(tmp_path: Path) -> RecordStore:
    return RecordStore(tmp_path / "results")


def test_a_full_record_comes_back_as_it_was(store: RecordStore):
    record = _full()
    untouched = [name for name in RunRecord.model_fields if not getattr(record, name)]
    assert untouched == []  # a new field has to be filled in above
    path = store.save(record)
    assert path == (
        store.root / "knowundo-privacy" / "tiny" / "memflex" / record.run_id / "run.json"
    )
    assert read_records(path) == [record]
    assert store.find(record.spec) == record
    assert load_records(store.root) == [record]
    assert json.loads(path.read_text())["schema_version"] == 2
    assert [item.name for item in path.parent.iterdir()] == ["run.json"]


def test_a_task_with_parameters_has_a_folder_of_its_own(store: RecordStore):
    record = _record(_spec(task="tofu:fraction=05"))
    path = store.save(record)
    assert path.relative_to(store.root).parts[0] == "tofu-fraction=05"
    assert read_records(path) == [record]


@pytest.mark.parametrize("task", ["../x:a=1", "tofu:a=\x1b[1m", "tofu:", "x" * 101, "tofu/x"])
def test_a_task_of_another_form_is_not_read(task: str, store: RecordStore):
    path = store.save(_record())
    content = file_of(_record(_spec(task=task))).model_dump(mode="json")
    path.write_text(json.dumps(content))
    with pytest.raises(RecordError, match="which is no name of a task"):
        read_records(path)


def test_saving_again_replaces(store: RecordStore):
    store.save(_record(status="running"))
    store.save(_record(status="failed", error="e"))
    (found,) = store.scan()
    assert not isinstance(found, Unreadable)
    assert found.record.status == "failed"


def test_a_record_that_json_cannot_hold_is_a_record_error(store: RecordStore):
    store.save(_record(status="running"))
    with pytest.raises(RecordError, match="cannot be written"):
        store.save(_record(engine={"temperature": float("nan")}))
    assert store.find(_spec()) == _record(status="running")


def test_a_place_that_cannot_be_written_is_a_record_error(tmp_path: Path):
    (tmp_path / "results").write_text("a file, not a folder")
    with pytest.raises(RecordError, match="cannot be written"):
        RecordStore(tmp_path / "results").save(_record())


def test_nothing_is_found_where_nothing_is(store: RecordStore):
    assert store.find(_spec()) is None
    assert list(store.scan()) == []
    with pytest.raises(RecordError, match="no record whose run id begins with 'abc'"):
        store.by_id("abc")


def test_records_of_a_folder_that_is_none_are_an_error(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    for name in ("missing", "file"):
        with pytest.raises(RecordError, match=f"{name}: no such folder of records"):
            load_records(tmp_path / name)
    (tmp_path / "empty").mkdir()
    assert load_records(str(tmp_path / "empty")) == []


BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "not a record"),
    "half-written": (json.dumps(_record().model_dump(mode="json")).encode()[:300], "not a record"),
    "no JSON": (b"hello", "not a record"),
    "a list": (b"[]", "not a record"),
    "no UTF-8": (b"\xff\xfe", "cannot be read"),
    "other fields": (b'{"schema_version": 1, "colour": "red"}', "not a record"),
    "a later schema, of other fields": (b'{"schema_version": 7, "x": 1}', "schema version 7"),
}


@pytest.mark.parametrize("case", BAD)
def test_scan_reports_what_it_cannot_read(case: str, store: RecordStore):
    content, words = BAD[case]
    good = _record(_spec(seed=1))
    store.save(good)
    path = store.save(_record())
    path.write_bytes(content)
    found = list(store.scan())
    (bad,) = [item for item in found if isinstance(item, Unreadable)]
    assert bad.path == path
    assert words in bad.reason
    assert str(path) in bad.reason
    assert load_records(store.root) == [good]
    assert path.read_bytes() == content  # never deleted


@pytest.mark.parametrize("version", [0, 3, 99])
def test_a_record_of_another_schema_is_not_read_even_if_it_fits(version: int, store: RecordStore):
    path = store.save(_record())
    content = json.loads(path.read_text())
    path.write_text(json.dumps(dict(reversed((content | {"schema_version": version}).items()))))
    with pytest.raises(RecordError, match=f"schema version {version}, this unharness reads 2"):
        read_records(path)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ('"lr": 0.0003', '"lr": 0.5', "its spec was changed"),
        ('"seed": 0', '"seed": 1', "its spec was changed"),
        ('"provenance": {}', '"provenance": {"a": [NaN]}', "provenance.a.0 is nan"),
        ('"lr": 0.0003', '"lr": 1e999', "its spec was changed"),
        ('"provenance": {}', '"provenance": {"a": 1E+999 }', "provenance.a is inf"),
        ('"provenance": {}', '"provenance": {"a": [-1e0309]}', "provenance.a.0 is -inf"),
        ('"provenance": {}', f'"provenance": {{"a": {"9" * 309}.5}}', "provenance.a is inf"),
        ('"provenance": {}', f'"provenance": {{"a": {"9" * 215}e94}}', "provenance.a is inf"),
        ('"engine_set": {}', '"engine_set": {"a": [1e400]}', "engine_set.a.0 is inf"),
        ('"train_seconds": null', '"train_seconds": NaN', "cost.train_seconds"),
    ],
)
def test_a_record_that_was_edited_is_not_read(
    before: str, after: str, words: str, store: RecordStore
):
    path = store.save(_record())
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))
    with pytest.raises(RecordError, match=words):
        read_records(path)
    path.write_text(text)
    assert read_records(path) == [_record()]


def test_other_files_are_no_records(store: RecordStore):
    folder = store.save(_record()).parent
    (folder / ".run.json-abc").write_text("{}")
    (folder / "weights").mkdir()
    (folder / "weights" / "run.json").write_text("{}")
    (store.root / "README.md").write_text("x")
    assert len(list(store.scan())) == 1


def test_by_id_takes_a_beginning_a_folder_or_a_file(store: RecordStore):
    record = _record()
    path = store.save(record)
    for text in (record.run_id, record.run_id[:6], str(path), str(path.parent)):
        assert store.by_id(text) == (record, path.parent)


def test_by_id_refuses_what_is_ambiguous_or_empty(store: RecordStore):
    records = [_record(_spec(seed=seed)) for seed in range(40)]
    for record in records:
        store.save(record)
    first = records[0].run_id[0]
    assert sum(record.run_id.startswith(first) for record in records) > 1
    with pytest.raises(RecordError, match="the beginning of several run ids") as refused:
        store.by_id(first)
    [one] = [item for item in records if str(store.folder(item.spec)) in str(refused.value)][:1]
    assert store.by_id(str(store.folder(one.spec)))[0] == one
    for text in ("", "zz"):
        with pytest.raises(RecordError, match="no record whose run id begins with"):
            store.by_id(text)
    assert store.by_id(records[7].run_id)[0] == records[7]


def test_discard_removes_a_runs_own_files_and_empty_folders(store: RecordStore):
    path = store.save(_record())
    for name in ("examples.jsonl.gz", "examples-0123456789ab.jsonl.gz"):
        (path.parent / name).write_bytes(b"x")
    for name in ("weights", "weights-0123456789ab"):
        (path.parent / name).mkdir()
        (path.parent / name / "model.safetensors").write_bytes(b"x")
    store.discard(_spec())
    assert store.root.is_dir()
    assert list(store.root.iterdir()) == []
    store.discard(_spec())  # once more is no error


def test_discard_leaves_everything_else(store: RecordStore):
    other = store.save(_record(_spec(seed=1)))
    path = store.save(_record())
    note = path.parent / "notes.md"
    note.write_text("mine")
    store.discard(_spec())
    assert not path.exists()
    assert note.read_text() == "mine"
    assert other.is_file()
    assert len(list(store.scan())) == 1


def test_tidy_removes_what_no_record_names_and_nothing_else(store: RecordStore):
    named = {"examples": {"path": "examples-aaaaaaaaaaaa.jsonl.gz", "sha256": "s", "bytes": 1}}
    folder = store.save(_record(artifacts=named)).parent
    kept = ["examples-aaaaaaaaaaaa.jsonl.gz", "notes.md", ".hidden", ".nfs000000000001"]
    left = ["examples-bbbbbbbbbbbb.jsonl.gz", ".run.json-0123", "..examples-new-0123"]
    for name in kept + left:
        (folder / name).write_text("x")
    for name in (".weights-new", "weights-bbbbbbbbbbbb"):
        (folder / name).mkdir()
    store.tidy(_spec())
    assert {path.name for path in folder.iterdir()} == {"run.json", *kept}


def test_files_of_a_record_that_cannot_be_read_are_kept(store: RecordStore):
    path = store.save(_record())
    (path.parent / "examples-aaaaaaaaaaaa.jsonl.gz").write_text("x")
    path.write_text("{ half")
    store.tidy(_spec())
    path.rename(path.with_name("run.json.unreadable-1"))
    store.save(_record())
    store.tidy(_spec())
    assert (path.parent / "examples-aaaaaaaaaaaa.jsonl.gz").exists()


@pytest.mark.parametrize(
    "path", ["../../x", "/etc/passwd", "a/b", "..", ".", "", "a\\b", "a\0b", None, 7, ["x"]]
)
def test_an_artifact_beside_no_record_is_refused(path: Any, store: RecordStore):
    store.save(_record(artifacts={"examples": {"path": path, "sha256": "s"}}))
    [found] = store.scan()
    assert isinstance(found, Unreadable)
    assert "artifacts.examples.path" in found.reason


@pytest.mark.parametrize("field", ["task", "method"])
@pytest.mark.parametrize(
    "name", ["../x", "/x", "", ".", "..", ".x", "a b", "a/b", "a\x1b", "a" * 101]
)
def test_a_name_that_is_no_folder_is_refused(field: str, name: str, store: RecordStore):
    record = _record(_spec(**{field: name}))
    path = store.save(_record())  # where the record lies is not for its names to say
    path.write_text(file_of(record).model_dump_json())
    [found] = store.scan()
    assert isinstance(found, Unreadable)
    assert f"spec.{field} is" in found.reason


MODELS = ("/", "..", "../../etc", "org/name", "/home/me/models/llama", "~/x", "", "a" * 999)


@pytest.mark.parametrize("model", MODELS)
def test_the_folder_is_inside_whatever_the_model_is_called(model: str, store: RecordStore):
    record = _record(_spec(model=model))
    folder = store.save(record).parent
    assert folder.resolve().is_relative_to(store.root.resolve())
    assert len(folder.relative_to(store.root).parts) == 4
    assert load_records(store.root) == [record]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tiny", "tiny"),
        ("org/Name-1.5_b", "org--Name-1.5_b"),
        ("/home/me/models/llama", "llama"),
        ("./models/llama", "llama"),
        ("../llama", "llama"),
        ("..", "model"),
        ("/", "model"),
        ("", "model"),
        ("模型", "model"),
    ],
)
def test_path_names(name: str, expected: str):
    assert path_name(name) == expected


@given(st.text() | st.text(alphabet="./~\\ a\0\n", max_size=20) | st.text(min_size=300))
def test_a_path_name_never_escapes(name: str):
    safe = path_name(name)
    assert safe not in ("", ".", "..")
    assert not set(safe) & set("/\\\0\n ~")
    assert not safe.startswith(".")
    assert len(safe.encode()) <= 100
    assert Path("root", safe).parent == Path("root")


FIRST_EDITION = Path(__file__).parent / "first_edition"


def test_a_record_of_the_first_edition_is_read_and_checked_by_its_own_rule(tmp_path: Path):
    [found] = FIRST_EDITION.glob("*/run.json")
    [record] = read_records(found)
    old = json.loads(found.read_text())
    assert old["schema_version"] == 1
    assert record.run_id == old["run_id"] == found.parent.name
    assert record.spec.config == old["spec"]["config"]
    assert record.spec.evaluation.suite == old["spec"]["evaluation"]["suite"]
    assert {name: one.value for name, one in record.metrics.items()} == {
        name: one["value"] for name, one in old["metrics"].items()
    }
    old["spec"]["config"]["lr"] = 0.5
    edited = tmp_path / "run.json"
    edited.write_text(json.dumps(old))
    with pytest.raises(RecordError, match="its spec was changed"):
        read_records(edited)


def test_evaluations_of_one_run_lie_in_one_file(store: RecordStore):
    one, other = _record(), _record(_spec(limit=3), partial=True)
    assert store.save(one) == store.save(other)
    assert load_records(store.root) == [one, other]
    assert store.find(_spec(limit=3)) == other
    store.discard(_spec(limit=3))
    assert load_records(store.root) == [one]
    store.discard(_spec())
    assert load_records(store.root) == []
