"""The core does not name what plugins bring; only its defaults do."""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

import unharness
from unharness.evaluation.uses import labels_of
from unharness.registry import registry

CORE = Path(unharness.__file__).parent
FILES = sorted(
    path
    for suffix in ("py", "js", "html", "css", "json", "yaml")
    for path in CORE.rglob(f"*.{suffix}")
    if path != CORE / "defaults.py"
)
OWN_MEANING = {
    "flat": "a method of arrays in JavaScript, a glass, and a function of the report's page",
    "files": "what is read and written",
    "exact_match": "lm-eval's metric of the bundled open questions",
    "base": "the reference row, and what a training starts from",
    "kl": "the divergence that observers and metrics speak of",
    "perplexity": "the unit",
    "sure": "a word of a refusal",
    "lunar": "an eclipse, in a fact that models learn",
    "prompt": "the part of an example, and of a request",
    "wmdp": "the dataset of lm-eval's tasks of that name",
}
"""Names of built-in plugins that are words of the core as well, and what they mean there."""


def builtin(kind: str) -> list[str]:
    """What plugins of this distribution bring of a kind; the core's own are no plugins."""
    plugins = [one for one in registry().plugins if one.builtin and one.name != "core"]
    return sorted({name for one in plugins for name in one.provides.get(kind, [])})


def column_labels() -> list[str]:
    """The labels of the built-in tasks' columns."""
    tasks = [registry().get("tasks", name) for name in builtin("tasks")]
    return sorted({label for task in tasks for label in labels_of(task.metrics)})


def any_of(names: Iterable[str]) -> re.Pattern[str]:
    """Any of the names as a whole word, where a word may hold hyphens."""
    return re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, names))})(?![\w-])")


@cache
def words_of(path: Path) -> tuple[str, ...]:
    """The texts of a file that may name something: of a module its string literals."""
    text = path.read_text("utf-8")
    return tuple(literals(text)) if path.suffix == ".py" else (text,)


def literals(source: str) -> Iterator[str]:
    """The string literals of a module, f-strings' parts included; docstrings are left out."""
    tree = ast.parse(source)
    bodies = [body for node in ast.walk(tree) if isinstance(body := getattr(node, "body", 0), list)]
    documentation = {
        id(line.value) for body in bodies for line in body if isinstance(line, ast.Expr)
    }
    for node in ast.walk(tree):
        text = getattr(node, "value", None) if isinstance(node, ast.Constant) else None
        if isinstance(text, str) and id(node) not in documentation:
            yield text


def test_there_is_something_to_look_through():
    assert len(FILES) > 100


def test_literals_are_found_and_docstrings_are_not():
    source = '"""vanilla"""\nx = "retrain"\n"""kl"""\ny = f"a {x} memflex"\ndef f(): "base"\n'
    assert sorted(literals(source)) == [" memflex", "a ", "retrain"]
    assert any_of(["kl"]).findall("kl kl-ood skl 'kl'") == ["kl", "kl"]


@pytest.mark.parametrize("kind", ["tasks", "prompts", "published_results"])
def test_no_module_names_what_a_plugin_brings(kind):
    names = builtin(kind)
    assert names
    pattern = any_of(name for name in names if name not in OWN_MEANING)
    assert [str(path) for path in FILES if pattern.search(path.read_text("utf-8"))] == []


@pytest.mark.parametrize("kind", ["methods", "metrics", "attacks"])
def test_no_string_names_a_plugin_s_class(kind):
    names = [name for name in builtin(kind) if name not in OWN_MEANING]
    pattern = any_of(names) if names else re.compile(r"(?!)")
    found = [
        (path.relative_to(CORE).as_posix(), match[0])
        for path in FILES
        for text in words_of(path)
        for match in pattern.finditer(text)
    ]
    assert found == []


def test_words_of_the_core_are_still_names_of_plugins():
    kinds = ("methods", "metrics", "attacks", "tasks")
    names = {name for kind in kinds for name in builtin(kind)}
    assert set(OWN_MEANING) <= names


def test_no_file_names_a_column_of_a_task():
    labels = column_labels()
    assert labels
    pattern = any_of(labels)
    assert [str(path) for path in FILES if pattern.search(path.read_text("utf-8"))] == []


def test_no_module_speaks_of_a_task_s_paper():
    texts = {path: path.read_text("utf-8").casefold() for path in FILES}
    assert [str(path) for path, text in texts.items() if "knowundo" in text] == []
