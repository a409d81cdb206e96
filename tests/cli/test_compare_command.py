"""`unharness compare` on the records that come with the project."""

from pathlib import Path

PUBLISHED = Path(__file__).resolve().parents[2] / "results" / "published"


def test_records_without_their_examples_are_compared_by_their_intervals(call):
    code, output, errors = call("compare", "kl", "memflex", "--results", PUBLISHED)
    assert (code, errors) == (0, "")
    assert "5 pairs of runs" in output
    assert "not paired by question" in output
