"""The examples of the page on plugins are run, as they stand there."""

import runpy
from pathlib import Path
from typing import Any

import pytest

from unharness import DataSource
from unharness.registry import Registry, load_registry

_shared = runpy.run_path(str(Path(__file__).parent / "conftest.py"))
PAGE = _shared["DOCS"] / "plugins.md"
BLOCKS = list(_shared["blocks"](PAGE, "python"))


@pytest.fixture(scope="module")
def defined() -> dict[str, Any]:
    """What the page's blocks define, run one after another; hooks under the number of theirs."""
    names: dict[str, Any] = {"__name__": "examples_of_the_page"}
    for number, text in enumerate(BLOCKS):
        exec(compile(text, f"{PAGE.name}, block {number}", "exec"), names)
        for hook in [one for one in names if one.startswith("unharness_")]:
            names[f"{number} {hook}"] = names.pop(hook)
    return names


def test_the_page_has_examples():
    assert len(BLOCKS) >= 9
    assert sum("hookimpl" in text for text in BLOCKS) >= 4


def test_every_example_is_a_plugin(defined):
    registry: Registry = load_registry()
    kinds = {"Careful": "methods", "Reminder": "attacks", "Towns": "tasks", "LastWords": "metrics"}
    info = registry.plugins[0]
    for name, kind in kinds.items():
        before = list(info.errors)
        registry.add(kind, defined[name], info)
        assert info.errors == before
        given = [hook() for key, hook in defined.items() if key.endswith(f" unharness_{kind}")]
        assert [defined[name]] in given


def test_the_suites_on_the_page_find_nothing(defined):
    from unharness.testing import AttackConformance, TaskConformance

    own = [one for one in defined.values() if isinstance(one, type) and one.__name__[:4] == "Test"]
    assert {one.__name__ for one in own} == {"TestCareful", "TestLastWords"}
    own += [
        type("TestTowns", (TaskConformance,), {"plugin": defined["Towns"], "other_process": False}),
        type("TestReminder", (AttackConformance,), {"plugin": defined["Reminder"]}),
    ]
    failed = runpy.run_path(str(PAGE.parents[1] / "tests" / "testing" / "conftest.py"))["failed"]
    for suite in own:
        assert failed(suite) == set(), suite.__name__


def test_a_layout_reads_its_stand_in(defined):
    data = defined["layout_of"]("05")
    splits = DataSource("standin").load(data).splits
    assert {name: len(split) for name, split in splits.items()} == {"forget": 1, "retain": 2}
    assert splits["forget"].examples[0].alternatives == {"perturbed": ("Nobody did.",)}
