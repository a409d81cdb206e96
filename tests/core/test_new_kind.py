"""A new kind of plugin is one row of one table."""

import json
import os
import subprocess
import sys

import pytest

COMMAND = """
import sys

from unharness.kinds import KINDS, Kind

KINDS["probes"] = Kind(
    "probe_plugin:Probe", "probes of hidden states", ("depth",), "probe_plugin:facts", "knobs"
)

from unharness.cli.main import main

main(sys.argv[1:])
"""

PLUGIN = """
from unharness import Ref, hookimpl


class Probe:
    name = ""
    summary = ""


class Shallow(Probe):
    name = "shallow"
    summary = "Looks at the first layer."
    depth = 1


class Stranger:
    name = "stranger"
    summary = "Of no kind."


def facts(found, registry):
    return {"siblings": registry.names("probes")}


@hookimpl
def unharness_probes():
    deep = Ref("module_that_is_not_there:Deep", "deep", "Looks at the last layer.")
    return [Shallow, deep, Stranger]
"""


@pytest.fixture
def unharness(tmp_path):
    """unharness("probes") -> stdout, with one row more and a plugin that brings such classes."""
    information = tmp_path / "probe_plugin-1.0.dist-info"
    information.mkdir()
    (tmp_path / "probe_plugin.py").write_text(PLUGIN)
    (information / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: probe-plugin\nVersion: 1.0\n"
    )
    (information / "entry_points.txt").write_text("[unharness]\nprobes = probe_plugin\n")
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])

    def run(*words):
        done = subprocess.run(
            [sys.executable, "-c", COMMAND, *words],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.mark.slow
def test_one_row_makes_hook_registry_listing_and_show(unharness):
    assert "List probes of hidden states, or show one." in unharness("--help")

    rows = json.loads(unharness("probes", "--format", "json"))
    assert [(row["name"], row["plugin"]) for row in rows] == [
        ("deep", "probe-plugin 1.0"),
        ("shallow", "probe-plugin 1.0"),
    ]

    shown = json.loads(unharness("probes", "show", "shallow", "--format", "json"))
    assert (shown["depth"], shown["siblings"]) == (1, ["deep", "shallow"])
    assert "Looks at the first layer." in unharness("probes", "show", "shallow")

    (plugin,) = json.loads(unharness("plugins", "show", "probe-plugin", "--format", "json"))
    assert plugin["provides"] == {"probes": ["shallow", "deep"]}
    (problem,) = plugin["errors"]
    assert "Stranger" in problem
    assert "Probe" in problem
