"""`unharness init`: a file that can be read back, and says what a request's defaults are."""

import re

import pytest

from unharness.cli import run, tune
from unharness.cli.yaml_file import file_keys, from_file
from unharness.request import RunRequest, make_request
from unharness.sweeps.grid import SweepRequest, make_sweep_request

COMMANDS = {
    "run": (make_request, RunRequest, run.NO_FLAGS),
    "sweep": (make_sweep_request, SweepRequest, ()),
    "tune": (make_sweep_request, SweepRequest, tune.NO_FLAGS),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_as_it_is_and_with_everything_set_it_means_the_defaults(name, call, tmp_path):
    path = tmp_path / "own.yaml"
    code, out, errors = call("init", path, "--for", name, "--method", "memflex", "--task", "tofu")
    assert (code, errors) == (0, "")
    assert f"unharness {name} {path}" in out
    make, request, without = COMMANDS[name]
    keys = file_keys(request, but=without)
    given = from_file(path, keys)
    assert set(given) == {"method", "task", "model"}
    default = make({**given}).model_dump()
    text = path.read_text()
    path.write_text(re.sub(r"^#(?! \S)", "", text, flags=re.MULTILINE))
    every = from_file(path, keys)
    assert {*keys} - {*every} <= {"checkpoints"}
    settings = every.pop("set")
    assert make(every).model_dump() == default
    assert settings["mu"] == ("q0.9" if name == "run" else ["q0.9"])
    assert max(map(len, text.splitlines())) <= 100


def test_hyperparameters_are_those_of_the_method(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call("init", "--method", "npo")[0] == 0
    text = (tmp_path / "unharness.yaml").read_text()
    assert "method: npo" in text
    assert re.search(r"^#  beta: [\d.]+$", text, re.MULTILINE)
    code, _, errors = call("init", "--method", "kl")
    assert (code, "unharness.yaml is there already" in errors) == (2, True)
    assert (tmp_path / "unharness.yaml").read_text() == text
    assert call("init", "grid.yaml", "--for", "sweep", "--method", "npo,kl")[0] == 0
    grid = (tmp_path / "grid.yaml").read_text()
    assert 'method: ["npo", "kl"]' in grid
    assert "beta" not in grid
    code, _, errors = call("init", "x.yaml", "--method", "npoo")
    assert (code, "Did you mean npo" in errors) == (2, True)
