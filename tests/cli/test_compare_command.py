"""`unharness compare` on the records that come with the project."""

from pathlib import Path

PUBLISHED = Path(__file__).resolve().parents[2] / "results" / "published"


def test_records_without_their_examples_are_refused_with_what_is_needed(call):
    code, output, errors = call("compare", "kl", "memflex", "--results", PUBLISHED)
    assert (code, output) == (1, "")
    (line,) = errors.splitlines()
    assert "compare needs the numbers of every example, examples-….jsonl.gz" in line
    assert "10 of these 10 runs have none" in line
    assert "--results" in line
