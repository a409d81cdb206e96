"""What lies beside a record is looked for where the record was found, and is checked."""

import gzip
import hashlib
import json

import pytest

METRICS = {"success_avg": (70.0, 65.0, 75.0)}


def rows(score):
    return [
        {"split": "forget_eval", "id": str(index), "prompt": "Where?", "answer": "in Oslo"}
        | {"generated": f"in Rome {index}", "scores": {"success_avg": score}}
        for index in range(3)
    ]


@pytest.fixture
def two(make_record, save, store):
    """Two methods with examples under names of their content, as a run writes them."""
    folders = []
    for method, score in (("memflex", 70.0), ("kl", 60.0)):
        text = "\n".join(map(json.dumps, rows(score)))
        content = gzip.compress(text.encode())
        digest = hashlib.sha256(content).hexdigest()
        name = f"examples-{digest[:12]}.jsonl.gz"
        facts = {"path": name, "sha256": digest, "bytes": len(content)}
        metrics = {"success_avg": (score, score - 5, score + 5)}
        record = make_record(method, metrics, artifacts={"examples": facts})
        folder = store.folder(record.spec)
        save(record)
        (folder / name).write_bytes(content)
        folders.append(folder)
    return folders


def test_a_moved_folder_keeps_its_examples(call, store, two):
    (store.root / "knowundo-privacy").rename(store.root / "renamed")
    (store.root / "renamed" / "tiny").rename(store.root / "renamed" / "my-model")
    code, out, err = call("leaderboard", "--results", store.root, "--format", "html")
    assert (code, err) == (0, "")
    assert "in Rome 2" in out
    code, out, err = call("compare", "memflex", "kl", "--results", store.root)
    assert code == 0, err
    assert "in Rome" in out
    code, out, err = call("show", two[0].name, "--results", store.root)
    assert (code, err) == (0, "")
    assert "in Rome 0" in out
    assert "my-model" in out


def test_examples_that_were_changed_are_not_shown(call, store, two):
    [path] = two[0].glob("examples-*")
    edited = [row | {"generated": "in Oslo", "scores": {"success_avg": 100.0}} for row in rows(0)]
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, edited)).encode()))
    code, out, err = call("leaderboard", "--results", store.root, "--format", "html")
    assert code == 0
    assert err.startswith(f"warning: {path}: the examples cannot be read (its SHA-256 is not")
    assert "in Rome 2" in out  # of the other record
    code, _, err = call("compare", "memflex", "kl", "--results", store.root)
    assert code == 1
    assert "SHA-256" in err
    code, out, err = call("show", two[0].name, "--results", store.root)
    assert code == 0
    assert err.startswith(f"warning: {path}: the examples cannot be read (its SHA-256 is not")
    assert "in Oslo" not in out
