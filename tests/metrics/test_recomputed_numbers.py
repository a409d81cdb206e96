"""docs/metrics.md sets published numbers against what the metrics' code gives."""

import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def script():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DOCS))
        yield runpy.run_path(str(DOCS / "recomputed_numbers.py"))


def test_the_page_has_what_the_code_gives(script):
    page = (DOCS / "metrics.md").read_text(encoding="utf-8")
    fix = "write it anew: python docs/recomputed_numbers.py docs/metrics.md"
    assert script["renewed"](page) == page, fix
    with pytest.raises(ValueError, match="lacks the marks"):
        script["renewed"]("By hand.")


def test_every_number_agrees(script):
    found = {name: one for name, one in script["comparisons"]().items() if not one.agrees}
    assert not found
    assert "≠" not in script["tables"]()


@pytest.mark.parametrize(
    ("printed", "n", "d"),
    [("1.33e-13", 200, 0.385), ("3.91e-22", 400, 0.35), ("1.27e-3", 40, 0.425), ("0.77", 40, 0.15)],
)
def test_a_printed_p_has_its_distance(script, printed, n, d):
    found = script["forget_quality"](printed, n)
    assert (found.agrees, found.detail) == (True, f"D = {d:g}")


def test_what_is_wrong_does_not_agree(script):
    # Digits that no 200 examples give; the right ones with another number of examples.
    assert not script["forget_quality"]("1.34e-13", 200).agrees
    assert not script["forget_quality"]("1.33e-13", 400).agrees
    of_parts = script["of_parts"]
    assert of_parts("mean", ".706", [".827", ".847", ".443"]).agrees
    assert not of_parts("mean", ".707", [".827", ".847", ".443"]).agrees
    assert not of_parts("harmonic_mean", ".706", [".827", ".847", ".443"]).agrees
