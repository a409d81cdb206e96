"""`unharness score --from-log`: what it prints, and what it refuses."""

import json

import pytest


@pytest.fixture
def path(tmp_path):
    """A log of two examples."""
    rows = [{"nll": 0.71}, {"nll": 0.71}, {"nll": None}]
    splits = {"forget": {"role": "forget", "examples": rows}}
    found = tmp_path / "log.json"
    found.write_text(json.dumps({"unharness_log": 1, "splits": splits}))
    return found


def test_json_holds_what_a_record_does(call, path):
    code, out, _ = call("score", "--from-log", path, "--format", "json")
    found = json.loads(out)["probability_forget"]
    assert code == 0
    assert found["value"] == pytest.approx(49.1644, abs=5e-5)
    assert (found["metric"], found["n"], found["n_unscored"]) == ("probability", 2, 1)


def test_the_table_says_why_there_is_no_value(call, path):
    code, out, _ = call("score", "--from-log", path)
    assert code == 0
    assert "49.2" in out
    assert "needs the retrained model's observations" in out
    _, out, _ = call("score", "--from-log", path, "--retrained", path)
    assert "needs the retrained model" not in out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["abcd", "--from-log", "x.json"], 2, "give runs or --from-log, not both"),
        (["--retrained", "x.json"], 2, "give --from-log FILE as well"),
        (["--from-log", "missing.json"], 1, "missing.json: cannot be read as JSON"),
    ],
)
def test_what_is_refused(call, arguments, code, words):
    found, _, err = call("score", *arguments)
    assert (found, words in err) == (code, True)
