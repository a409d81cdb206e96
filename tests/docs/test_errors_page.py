"""The messages that docs/errors.md explains are those of the code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "docs" / "errors.md").read_text(encoding="utf-8")
ENTRY = re.compile(r"^### `([^\n]+)`\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
ENTRIES = ENTRY.findall(PAGE)
PACKAGES = ("harness/unharness", "plugins", "tasks")


def templates() -> Iterator[str]:
    """Every text in the code, with … for what is filled in."""
    for package in PACKAGES:
        for path in (REPOSITORY / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.JoinedStr):
                    yield "".join(
                        str(part.value) if isinstance(part, ast.Constant) else "…"
                        for part in node.values
                    )
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield node.value


def compact(text: str) -> str:
    """A text in which what follows on a filled-in part without a space between them is one …."""
    return re.sub(r"…+", "…", text)


CODE = [compact(text) for text in templates()]


def test_there_are_messages():
    assert len(ENTRIES) == PAGE.count("\n### ") > 40


@pytest.mark.parametrize(("message", "explained"), ENTRIES)
def test_a_message_is_in_the_code_and_has_cause_and_fix(message, explained):
    assert any(compact(message) in text for text in CODE), "the code says something else"
    assert re.search(r"\*\*Cause:\*\* \S", explained)
    assert re.search(r"\*\*Fix:\*\* \S", explained)
