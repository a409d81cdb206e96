"""Warnings of rows: a line for each kind, with the rows and runs that have it."""

import pytest

from unharness.report.build import build_board
from unharness.report.formats import to_markdown
from unharness.report.row_warnings import row_warnings

LOOPS = "{}% of its answers to {} are loops of a few words"


@pytest.fixture
def lines(make_record, save):
    """lines((method, seed, warnings), …) -> the lines of their board's one group."""

    def call(*runs):
        store = save(*(make_record(name, seed=seed, warnings=own) for name, seed, own in runs))
        [group] = build_board(store).groups
        return row_warnings(group)

    return call


def test_numbers_become_a_range_and_runs_are_counted(lines):
    retain = [LOOPS.format(share, "retain_eval") for share in (10, 62, 7)]
    found = lines(
        ("npo", 0, [retain[0]]),
        ("npo", 1, [retain[1], LOOPS.format(80, "forget_eval")]),
        ("npo", 2, []),
        ("kl", 0, [retain[2]]),
    )
    assert sorted(found) == [
        "7–62% of its answers to retain_eval are loops of a few words · "
        "2 rows, 3 of 4 runs: kl 1, npo 2",
        "80% of its answers to forget_eval are loops of a few words · npo, 1 of 3 runs",
    ]


def test_rows_of_one_run_are_named(lines):
    cut = "longer than 256 tokens, scored up to there: {} of forget, {} of retain"
    same = "60% of its answers to retain are {!r}"
    found = lines(
        ("npo", 0, [cut.format(3, 1), same.format("No: 5% of it.")]),
        ("kl", 0, [cut.format(3, 12), same.format("Yes")]),
        ("idk", 0, [same.format("Yes")]),
        ("rmu", 0, ["the weights did not change"]),
    )
    text = (
        "longer than 256 tokens, scored up to there: 3 of forget, 1–12 of retain · 2 rows: kl, npo"
    )
    assert text in found
    assert sorted(line.rpartition(" · ")[2] for line in found) == [
        "2 rows: kl, npo",
        "3 rows: idk, kl, npo",
        "rmu",
    ]
    [alike] = [line for line in found if "3 rows" in line]
    assert alike.startswith("60% of its answers to retain are '…' · ")


def test_other_words_are_another_kind(lines):
    texts = [f"{name} of 8 tensors never moved" for name in ("target: 1", "npo: 2", "npo: 3")]
    found = lines(("npo", 0, texts[:2]), ("kl", 0, texts[2:]))
    assert sorted(found) == [
        "npo: 2–3 of 8 tensors never moved · 2 rows: kl, npo",
        "target: 1 of 8 tensors never moved · npo",
    ]


def test_many_rows_are_counted(lines):
    found = lines(*((f"m{at}", 0, ["cut"]) for at in range(11)))
    assert found == ["cut · 11 rows: m0, m1, m10, m2, m3, m4, m5, m6, 3 more"]


def test_a_page_has_the_same_lines(make_record, save):
    from unharness.report.html.payload import payload

    store = save(make_record(warnings=["cut"]), make_record(seed=1, warnings=["cut"]))
    board = build_board(store)
    [line] = row_warnings(board.groups[0])
    assert line == "cut · memflex, 2 of 2 runs"
    assert f"- ⚠ {line}" in to_markdown(board)
    assert payload(board, store)["groups"][0]["warnings"] == [line]
