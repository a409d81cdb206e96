"""`unharness paper` and `leaderboard --reference`, as a user runs them."""

import json

import pytest

LLAMA = "meta-llama/Llama-2-7b-chat-hf"


@pytest.fixture
def results(make_record, save):
    return save(make_record("memflex", {"success_avg": 85.0}, model=LLAMA)).root


def test_paper_without_records(call, tmp_path):
    code, out, err = call("paper", "--results", tmp_path / "none")
    assert (code, err) == (0, "")
    for text in ("Table 2 ·", "Table 3 ·", "Table 4 ·", "Table 6 ·", "Figure 5 ·", "82.37"):
        assert text in out
    assert "41.54†" in out
    assert "49.93†" in out
    assert "its columns give 50" in out


def test_paper_with_a_run(call, results):
    code, out, _ = call("paper", "--results", results, "--table", "2")
    assert code == 0
    assert "85.0" in out
    assert "Table 3" not in out
    code, out, _ = call("paper", "--results", results, "--table", "2", "--format", "markdown")
    assert code == 0
    assert "| 82.37 / 85.0 |" in out
    code, out, _ = call("paper", "--results", results, "--format", "json")
    assert code == 0
    ours = [cell for cell in json.loads(out) if cell["ours"] is not None]
    assert [(cell["table"], cell["column"], cell["ours"]) for cell in ours] == [
        ("2", "success_avg", 85.0)
    ]


def test_an_unknown_table_is_refused(call):
    code, _, err = call("paper", "--table", "5")
    assert code == 2
    assert "figure5" in err


def test_leaderboard_with_the_reference(call, results):
    words = ("leaderboard", "--results", results, "--reference", "knowundo-paper")
    code, out, err = call(*words)
    assert (code, err) == (0, "")
    assert "85.0 | 82.37 (+2.6)" in out
    assert "arXiv:2407.01920v2" in out
    code, out, _ = call(*words, "--format", "json")
    assert json.loads(out)[0]["reference"]["metrics"]["success_avg"]["value"] == 82.37


def test_a_reference_that_says_nothing_of_the_rows(call, make_record, save):
    store = save(make_record(model="tiny"))
    code, out, _ = call("leaderboard", "--results", store.root, "--reference", "knowundo-paper")
    assert code == 0
    words = " ".join(out.split())
    assert "knowundo-paper has no results to compare with these rows" in words


def test_an_unknown_reference_names_the_known(call, results):
    code, out, err = call("leaderboard", "--results", results, "--reference", "knowundo")
    assert (code, out) == (2, "")
    assert "unknown reference 'knowundo'" in err
    assert "knowundo-paper" in err
