"""What is stored is checked when it is used, and replaced as a whole."""

import json

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def few(main_here, checkpoint, data_folder, tmp_path, monkeypatch):
    """few(*words) -> exit code, record and errors of a short run in a cache of its own."""
    monkeypatch.setenv("UNHARNESS_CACHE", str(tmp_path / "cache"))

    def call(*words):
        given = ["--model", checkpoint("qwen2"), "--tuning", "full", "--suite", "none"]
        given += ["--data", data_folder, "--limit", "4", "--epochs", "1"]
        given += ["--results", tmp_path / "results", "--format", "json"]
        code, output, errors = main_here("run", "--method", "gradient-ascent", *given, *words)
        return code, json.loads(output) if code == 0 else None, errors

    return call


def _flip_bytes(path, count=2000):
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + count] = bytes(
        byte ^ 0x55 for byte in content[middle : middle + count]
    )
    path.write_bytes(bytes(content))


def _truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGE = {
    "flipped": lambda entry: _flip_bytes(entry / "model.safetensors"),
    "truncated": lambda entry: _truncate(entry / "model.safetensors"),
    "missing": lambda entry: (entry / "tokenizer.json").unlink(),
    "bad log": lambda entry: (entry / "training.json").write_text('{"steps": 1}'),
}


def test_a_damaged_target_is_trained_anew(few, tmp_path):
    def run(seed):
        code, record, errors = few("--seed", seed)
        assert code == 0, errors
        return record["target"], errors

    first, errors = run(0)
    assert not first["cached"]
    assert "made anew" not in errors
    for seed, damage in enumerate(DAMAGE.values(), 1):
        [entry] = [path for path in (tmp_path / "cache" / "models").glob("*") if path.is_dir()]
        damage(entry)
        target, errors = run(seed)
        assert target["weights_hash"] == first["weights_hash"]
        assert not target["cached"]
        assert errors.count("made anew") == 1
        assert "Traceback" not in errors
    target, errors = run(9)
    assert target["cached"]
    assert "made anew" not in errors
