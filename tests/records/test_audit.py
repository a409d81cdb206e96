"""Records are checked before they are shared: what is wrong with one is found and named."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unharness.errors import RecordError
from unharness.records.audit import Audit, audit_folder, audit_record

PUBLISHED = Path(__file__).resolve().parents[2] / "results" / "published"
Edit = Callable[[dict[str, Any]], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of a published record, without the texts that it names."""
    [source, *_] = sorted(PUBLISHED.glob("*/*/*/*/run.json"))
    target = tmp_path / "task" / "model" / "method" / source.parent.name
    shutil.copytree(source.parent, target)
    return target


def edited(folder: Path, edit: Edit, **options: bool) -> Audit:
    path = folder / "run.json"
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))
    return audit_record(path, **options)


def evaluation(content: dict[str, Any]) -> dict[str, Any]:
    [found] = content["evaluations"].values()
    return found


def metric(content: dict[str, Any]) -> dict[str, Any]:
    return next(
        one for one in evaluation(content)["metrics"].values() if one["metric"] == "token_accuracy"
    )


def test_every_published_record_passes():
    found = audit_folder(PUBLISHED, public=True)
    assert len(found) == len(list(PUBLISHED.glob("*/*/*/*/run.json"))) > 0
    assert [one for one in found if one.findings] == []


def test_texts_that_are_named_and_not_there_are_a_warning_unless_published(folder: Path):
    found = audit_record(folder / "run.json")
    assert found.level == "warn"
    assert {one.check for one in found.findings} == {"artifacts"}
    assert all("is not there" in one.message for one in found.findings)
    assert audit_record(folder / "run.json", public=True).level == "pass"


CASES: dict[str, tuple[Edit, str, str, str]] = {
    "a hyperparameter": (
        lambda c: c["attacked"]["unlearn"]["config"].update(lr=0.5),
        "fail",
        "identity",
        "its spec was changed",
    ),
    "an unknown field": (lambda c: c.update(colour="red"), "fail", "schema", "colour"),
    "a number that is none": (
        lambda c: evaluation(c)["provenance"].update(a=float("inf")),
        "fail",
        "numbers",
        "provenance.a is inf",
    ),
    "ends of an interval": (
        lambda c: metric(c).update(ci95=metric(c)["ci95"][::-1]),
        "fail",
        "numbers",
        "reversed",
    ),
    "a value far from its interval": (
        lambda c: metric(c).update(value=99.0),
        "fail",
        "numbers",
        "does not contain it",
    ),
    "a value beside its interval": (
        lambda c: metric(c).update(value=metric(c)["ci95"][1] + 1e-3),
        "warn",
        "numbers",
        "does not contain it",
    ),
    "how many examples": (lambda c: metric(c).update(n=7), "fail", "numbers", "n is 7"),
    "a digest": (
        lambda c: evaluation(c)["artifacts"]["per_example"].update(sha256="0" * 64),
        "fail",
        "artifacts",
        "SHA-256",
    ),
    "no digest": (
        lambda c: evaluation(c)["artifacts"]["per_example"].pop("sha256"),
        "fail",
        "artifacts",
        "no SHA-256 and size are named",
    ),
    "no numbers of examples": (
        lambda c: evaluation(c)["artifacts"].pop("per_example") and None,
        "fail",  # the file is there, and nothing names it
        "texts",
        "named by no record",
    ),
    "weights without digests": (
        lambda c: evaluation(c)["artifacts"].update(weights={"path": "weights", "kind": "full"}),
        "warn",
        "artifacts",
        "weights: its files have no digests",
    ),
    "uncommitted changes": (
        lambda c: evaluation(c)["provenance"]["unharness"].update(dirty=True),
        "warn",
        "provenance",
        "not committed",
    ),
    "a failed run": (lambda c: evaluation(c).update(status="failed"), "warn", "status", "failed"),
    "a folder of a machine": (
        lambda c: evaluation(c)["runtime"].update(model="/home/ann/llama"),
        "warn",
        "paths",
        "spec.model is /home/ann/llama",
    ),
    "texts of a wrapper": (
        lambda c: c["training"].update(wrapper={"facts": ["Ann was born in Oslo in 1950."]}),
        "warn",
        "texts",
        "training.wrapper.facts.0",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_was_changed_is_found(case: str, folder: Path):
    edit, level, check, words = CASES[case]
    found = edited(folder, edit, public=True)
    assert found.level == level
    assert any(one.check == check and words in one.message for one in found.findings), found


def test_files_beside_a_record_are_judged(folder: Path):
    path = folder / "run.json"
    [numbers] = folder.glob("per-example-*.npz")
    content = json.loads(path.read_text())
    texts = evaluation(content)["artifacts"]["examples"]
    (folder / texts["path"]).write_bytes(b"Who was it?")
    assert any("holds questions" in f.message for f in audit_record(path, public=True).findings)
    (folder / texts["path"]).unlink()
    (folder / "notes.txt").write_text("mine")
    assert [f.message for f in audit_record(path, public=True).findings] == [
        "notes.txt is named by no record: remove it"
    ]
    numbers.unlink()
    assert f"{numbers.name} is missing" in [f.message for f in audit_record(path).findings]


def test_copies_and_folders_without_records_are_named(folder: Path, tmp_path: Path):
    shutil.copytree(folder, folder.with_name("copy"))
    messages = [f.message for one in audit_folder(tmp_path, public=True) for f in one.findings]
    assert messages == ["a second record of this run; boards read the first"]
    assert len(audit_folder(folder)) == 1


def test_one_model_on_two_tasks_is_no_copy(tmp_path: Path):
    base = sorted(PUBLISHED.glob("rwku-*/smollm2-135m/vanilla/*"))
    assert len({one.name for one in base}) == 1 < len(base)
    for one in base:
        shutil.copytree(one, tmp_path / one.relative_to(PUBLISHED))
    assert [one.level for one in audit_folder(tmp_path, public=True)] == ["pass"] * len(base)


def test_a_folder_without_records_is_named(folder: Path, tmp_path: Path):
    with pytest.raises(RecordError, match="no records there"):
        audit_folder(tmp_path / "task")


def test_a_file_that_is_no_record_and_one_of_the_first_edition(tmp_path: Path):
    (tmp_path / "run.json").write_bytes(b"\xff\xfe")
    assert audit_record(tmp_path / "run.json").level == "fail"
    [first] = (Path(__file__).parent / "first_edition").glob("*/run.json")
    found = audit_record(first)
    assert found.level != "fail"
    assert "of schema 1" in found.findings[0].message
