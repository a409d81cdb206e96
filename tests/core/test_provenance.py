"""Where a run's code comes from, asked without a trace in the checkout."""

import os
import subprocess

import unharness
from unharness.pipeline.provenance import source_state


def git(folder, *words):
    identity = ("-c", "user.name=a", "-c", "user.email=a@b")
    done = subprocess.run(
        ["git", *identity, *words], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_the_state_of_the_checkout_is_read_and_its_index_never_written(tmp_path, monkeypatch):
    code = tmp_path / "harness" / "unharness" / "__init__.py"
    code.parent.mkdir(parents=True)
    code.write_text("")
    (tmp_path / "pyproject.toml").write_text("")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "all")
    monkeypatch.setattr(unharness, "__file__", str(code))
    commit = git(tmp_path, "rev-parse", "HEAD")
    assert source_state() == {"commit": commit, "dirty": False}
    # A plain `git status` now refreshes the index, under a lock that a killed run leaves behind.
    os.utime(code, (1_000_000_000, 1_000_000_000))
    before = (tmp_path / ".git" / "index").read_bytes()
    assert source_state() == {"commit": commit, "dirty": False}
    assert (tmp_path / ".git" / "index").read_bytes() == before
    code.write_text("changed = True\n")
    assert source_state() == {"commit": commit, "dirty": True}
