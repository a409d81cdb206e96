"""The pages of the documentation, their blocks of code, and the programs that make pages."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
DOCS = REPOSITORY / "docs"
_BLOCK = re.compile(r"^( *)```([\w-]*)[^\n]*\n(.*?)^\1```", re.MULTILINE | re.DOTALL)


def pages() -> list[Path]:
    """Every page that people read: the README, what lies beside it, and docs/."""
    found = [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("examples/*/*.md")]
    return sorted([*found, REPOSITORY / "results" / "README.md", *DOCS.rglob("*.md")])


def blocks(page: Path, *languages: str) -> Iterator[str]:
    """The blocks of code of a page that are in one of these languages."""
    for _, language, text in _BLOCK.findall(page.read_text(encoding="utf-8")):
        if language in languages:
            yield text


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the programs in docs/ importable."""
    monkeypatch.syspath_prepend(str(DOCS))
