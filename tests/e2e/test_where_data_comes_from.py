"""A run on the stand-in: what the user hears, and what the record says."""

import json

import pytest

pytestmark = pytest.mark.slow


def test_a_fallback_is_announced_and_recorded(main_here, tmp_path):
    words = ("--model", "micro", "--results", tmp_path, "--format", "json")
    code, out, err = main_here("run", "--method", "vanilla", *words)
    assert code == 0, err
    assert "HF_HUB_OFFLINE is set" in err
    assert "not the paper's data" in err
    data = json.loads(out)["data"]
    assert (data["source"], data["revision"]) == ("standin", None)
    assert "HF_HUB_OFFLINE" in data["fallback"]
    code, out, err = main_here("run", "--method", "vanilla", *words, "--data", "standin", "--force")
    assert code == 0, err
    assert json.loads(out)["data"]["fallback"] is None


def test_a_sweep_and_a_tuning_say_it_too(cli, here, tmp_path):
    words = ("--model", "micro", "--results", tmp_path, "--method", "vanilla")
    words = (*words, "--target-set", "epochs=2")
    for command in (("sweep", "--workers", "1"), ("tune", "--trials", "1", "--executor", "here")):
        done = cli(*command, *words, **here)
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("HF_HUB_OFFLINE is set") == 1
        done = cli(*command, *words, "--quiet", **here)
        assert done.returncode == 0
        assert "HF_HUB_OFFLINE" not in done.stderr
