"""The core does not name what plugins bring; only its defaults do."""

import re
from pathlib import Path

import pytest

import unharness
from unharness.plugins import registry

CORE = Path(unharness.__file__).parent
FILES = sorted(
    path
    for suffix in ("py", "js", "html", "css", "json", "yaml")
    for path in CORE.rglob(f"*.{suffix}")
    if path != CORE / "defaults.py"
)


def test_there_is_something_to_look_through():
    assert len(FILES) > 100


@pytest.mark.parametrize("kind", ["tasks", "prompts", "published_results"])
def test_no_module_names_what_a_plugin_brings(kind):
    found = [plugin.provides.get(kind, []) for plugin in registry().plugins if plugin.builtin]
    names = [name for brought in found for name in brought]
    assert names
    pattern = re.compile("|".join(map(re.escape, names)))
    assert [str(path) for path in FILES if pattern.search(path.read_text("utf-8"))] == []


def test_no_module_speaks_of_a_task_s_paper():
    texts = {path: path.read_text("utf-8").casefold() for path in FILES}
    assert [str(path) for path, text in texts.items() if "knowundo" in text] == []
