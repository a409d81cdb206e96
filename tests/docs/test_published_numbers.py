"""What pages quote of the published boards stands on them."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = ("README.md", "results/published/README.md", "docs/methods-compared.md")
QUOTED = re.compile(r"-?\d+(?:\.\d+)? \[-?\d+(?:\.\d+)?, -?\d+(?:\.\d+)?\]")
"""A number and its interval."""


def quoted(text: str) -> list[str]:
    """The numbers with intervals, bold or not."""
    return QUOTED.findall(text.replace("**", ""))


def test_a_number_with_its_interval_is_a_board_s(main_here):
    folder = str(REPOSITORY / "results" / "published")
    words = ("--results", folder, "--format", "markdown", "--columns", "*")
    code, output, errors = main_here("leaderboard", *words)
    assert code == 0, errors
    known = set(quoted(output))
    for page in PAGES:
        found = quoted((REPOSITORY / page).read_text(encoding="utf-8"))
        assert len(found) > 10
        assert [one for one in found if one not in known] == [], page
