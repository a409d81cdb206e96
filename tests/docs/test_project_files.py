"""CITATION.cff, CHANGELOG.md and the examples of the tutorials are as they should be."""

import re
import runpy
from pathlib import Path

import pytest
import yaml

import unharness
from unharness.registry import PluginInfo, load_registry

_shared = runpy.run_path(str(Path(__file__).parent / "conftest.py"))
REPOSITORY, DOCS, blocks = (_shared[name] for name in ("REPOSITORY", "DOCS", "blocks"))
FIELDS = {
    *("cff-version", "message", "title", "type", "authors", "version", "license", "abstract"),
    *("keywords", "date-released", "repository-code", "url", "identifiers", "doi"),
}
"""Of CITATION.cff 1.2.0: those that we may use."""


def test_the_citation_is_of_this_version():
    found = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(found) <= FIELDS
    assert found["cff-version"] == "1.2.0"
    assert found["version"] == unharness.__version__
    assert found["type"] == "software"
    assert found["authors"] == [{"name": "unharness contributors"}]


def test_the_changelog_has_this_version_and_known_headings():
    text = (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[(.+?)\](?: - \d{4}-\d\d-\d\d)?$", text, flags=re.M)
    assert versions[0] == "Unreleased"
    assert unharness.__version__ in versions
    allowed = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert set(re.findall(r"^### (.+)$", text, flags=re.M)) <= allowed


TUTORIALS = sorted((DOCS / "tutorials").glob("*.md"))


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_the_examples_of_a_tutorial_work(page):
    space: dict[str, object] = {"__name__": "example"}
    for code in blocks(page, "python"):
        exec(compile(code, str(page), "exec"), space)
        for name, value in list(space.items()):
            if name.startswith("test_") and callable(value):
                value()
    if callable(hook := space.get("unharness_methods")):
        plugin = PluginInfo("example", "example", "0", "example")
        registry = load_registry([])
        for method in hook():
            registry.add("methods", method, plugin)
        assert plugin.errors == []
        assert plugin.provides["methods"]


@pytest.mark.parametrize("page", TUTORIALS, ids=lambda page: page.stem)
def test_the_files_of_a_tutorial_can_be_read(page):
    import tomllib

    for text in blocks(page, "toml"):
        assert tomllib.loads(text)
    for text in blocks(page, "yaml"):
        assert yaml.safe_load(text)
