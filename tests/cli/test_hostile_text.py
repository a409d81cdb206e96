"""Text of models and records reaches a terminal, a table or a spreadsheet as text alone."""

import csv
import io
import json
import re
import unicodedata

import pytest

from unharness.records.files import write_json_lines
from unharness.records.store import EXAMPLES_FILE

CLIPBOARD = "\x1b]52;c;aGk=\x07"
HOSTILE = f"{CLIPBOARD}\x9b31m\x7f\x85\u202egnp\u2066\u2028\u200f end"
FORMULA = "=HYPERLINK(1)"
HTML = "<img src=x onerror=alert(1)>"


def raw_controls(text):
    """What a terminal or an editor may take for more than text."""
    kinds = ("Cc", "Cf", "Cs", "Zl", "Zp")
    return {hex(ord(c)) for c in text if c != "\n" and unicodedata.category(c) in kinds}


@pytest.fixture
def hostile(make_record, save, store):
    """Two methods on one target, with hostile text wherever a record may hold some."""
    metrics = {"success_avg": (70.0, 65.0, 75.0), f"m{HOSTILE}": 1.0}
    common = {"model": f"./model{HOSTILE}", "warnings": [f"warned {HOSTILE}", HTML]}
    common |= {"config": {f"key{HOSTILE}": f"value{HOSTILE}", "html": HTML}}
    common |= {"preset": f"preset{HOSTILE}", "data_source": f"source{HOSTILE}"}
    common |= {"artifacts": {f"file{HOSTILE}": {"path": f"path{HOSTILE}"}}}
    records = [make_record(method, metrics, **common) for method in ("memflex", "kl")]
    attacks = ({"name": "prompt", "config": {"text": f"text{HOSTILE}"}},)
    named = {"attacks": attacks, "attack_name": f"prompt{HOSTILE}"}
    prompted = make_record("memflex", metrics, **named, **common)
    failed = make_record("kl", {}, seed=7, status="failed", error=f"failed {HOSTILE}", **common)
    save(*records, prompted, failed)
    for number, record in enumerate(records):
        rows = [
            {"split": f"forget_eval{HOSTILE}", "id": f"id{HOSTILE}{index}", "hits": [1, 0]}
            | {"prompt": f"asked {HOSTILE}", "answer": f"due {HOSTILE}"}
            | {"generated": f"says {HOSTILE}", "scores": {"success_avg": 70.0 + 10 * number}}
            for index in range(3)
        ]
        write_json_lines(store.folder(record.spec) / EXAMPLES_FILE, rows)
    return [*records, failed]


@pytest.mark.parametrize(
    "words",
    [
        ["leaderboard"],
        *(["leaderboard", "--format", form] for form in ("markdown", "latex", "csv", "html")),
        ["leaderboard", "--format", "json"],
        ["compare", "memflex", "kl", "--format", "json"],
        ["paper", "--on", HOSTILE],
    ],
    ids=" ".join,
)
def test_no_renderer_lets_a_control_character_through(call, store, hostile, words):
    code, out, err = call(*words, "--results", store.root)
    assert code == 0, err
    assert out
    assert raw_controls(out + err) == set()


@pytest.mark.parametrize("form", ["table", "json"])
@pytest.mark.parametrize("which", [0, 2], ids=["done", "failed"])
def test_show_escapes_what_it_shows(call, store, hostile, which, form):
    given = ["show", hostile[which].run_id, "--results", store.root, "--format", form]
    code, out, err = call(*given)
    assert code == 0, err
    assert raw_controls(out + err) == set()
    assert ("\\x1b]52;c;aGk=\\x07" if form == "table" else "\\u001b]52") in out.replace("\n", "")


def test_compare_escapes_generated_answers(call, store, hostile):
    code, out, err = call("compare", "memflex", "kl", "--results", store.root)
    assert code == 0, err
    assert raw_controls(out + err) == set()
    assert "A generated says \\x1b]52;c;aGk=\\x07\\x9b31m" in out


def test_a_terminal_gets_no_sequence_but_our_own_colours(call, store, hostile, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    for words in (
        ["show", hostile[0].run_id],
        ["leaderboard"],
        ["compare", "memflex", "kl"],
    ):
        code, out, _ = call(*words, "--results", store.root)
        assert code == 0
        assert "\x1b[" in out
        assert raw_controls(re.sub(r"\x1b\[[\d;]*m", "", out)) == set()


def test_json_keeps_the_values(call, store, hostile):
    _, out, _ = call("show", hostile[0].run_id, "--results", store.root, "--format", "json")
    assert json.loads(out)["spec"]["model"] == f"./model{HOSTILE}"


def test_errors_escape_names_and_reasons(call, store, tmp_path):
    spoilt = tmp_path / f"data{CLIPBOARD}"
    spoilt.mkdir()
    for words in (
        ["run", "--method", HOSTILE],
        ["run", "--set", f"{HOSTILE}=1"],
        ["run", "--data", spoilt],
        ["run", f"--{HOSTILE}"],
        [HOSTILE],
        ["methods", "show", HOSTILE],
        ["show", HOSTILE, "--results", store.root],
        ["leaderboard", "--results", store.root, "--metric", HOSTILE],
        ["evaluate", "--weights", f"./{HOSTILE}"],
        ["sweep", "--seed", HOSTILE],
    ):
        code, out, err = call(*words)
        assert code in (1, 2)
        assert err
        assert raw_controls(out + err) == set(), words


def test_broken_records_are_named_without_their_bytes(call, make_record, save, store):
    save(make_record())
    folder = store.root / "task" / f"model{CLIPBOARD}" / "memflex" / "0123456789abcdef"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"status": HOSTILE, HOSTILE: 1}))
    code, out, err = call("leaderboard", "--results", store.root)
    assert code == 0
    assert "\\x1b]52" in err
    assert raw_controls(out + err) == set()


@pytest.mark.parametrize("first", ["=1+1", "+1-1", "-1-1", "@SUM(1)", "\t=1", "\r=1"])
def test_spreadsheets_are_given_no_formulas(call, make_record, save, store, first):
    metrics = {f"{first}_metric": -5.0, "success_avg": -1.5}
    save(make_record(metrics=metrics, model=first, data_source=first))
    code, out, err = call("leaderboard", "--format", "csv", "--results", store.root)
    assert code == 0, err
    (row,) = csv.DictReader(io.StringIO(out))
    assert row["model"].startswith("'")
    assert row["data_source"].startswith("'")
    assert all(not name.startswith(("=", "+", "-", "@", "\t", "\r")) for name in row)
    assert row["success_avg"] == "-1.5"


def test_names_that_are_numbers_stay_numbers(call, make_record, save, store):
    save(make_record(model="-1.5"))
    _, out, _ = call("leaderboard", "--format", "csv", "--results", store.root)
    (row,) = csv.DictReader(io.StringIO(out))
    assert row["model"] == "-1.5"


def test_markdown_holds_no_html_and_no_image(call, make_record, save, store):
    named = "<b>&amp;</b> ![x](http://example.com/x.png)"
    save(make_record(model=named, warnings=[HTML]))
    code, out, _ = call("leaderboard", "--format", "markdown", "--results", store.root)
    assert code == 0
    assert "<" not in out.replace("<br>", "")
    assert "&lt;img src=x onerror=alert(1)&gt;" in out
    assert "&lt;b&gt;&amp;amp;&lt;/b&gt;" in out
    assert "](" not in out


def test_latex_reads_brackets_as_text(call, make_record, save, store):
    """After a row's end LaTeX takes a bracket for the space between rows."""
    save(make_record("memflex", config={"x": "[1ex]"}), make_record("memflex", config={"x": "<|>"}))
    _, out, _ = call("leaderboard", "--format", "latex", "--results", store.root)
    assert "{[}1ex{]}" in out
    assert r"\textless{}\textbar{}\textgreater{}" in out


def test_markup_in_a_record_is_text(call, make_record, save, store):
    save(make_record(metrics={"success_avg": 70.0, "[red]m[/red]": 1.0}, model="[bold]tiny[/bold]"))
    code, out, _ = call("leaderboard", "--results", store.root)
    assert code == 0
    assert "[bold]tiny[/bold]" in out


def test_stages_and_notes_are_escaped(capfd):
    from unharness.cli.progress import progress_for

    with progress_for(quiet=False) as progress:
        progress.note(f"note {HOSTILE}")
        with progress.stage(f"stage [red]{HOSTILE}") as stage:
            stage.step(1, 2, {"loss": 1.0})
    _, err = capfd.readouterr()
    assert "stage [red]\\x1b]52" in err
    assert raw_controls(err) == set()


def test_live_progress_is_escaped(capfd, monkeypatch):
    from unharness.cli.progress import progress_for

    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "200")
    with progress_for(quiet=False) as progress:
        progress.note(f"note {HOSTILE}")
        with progress.stage(f"stage [red]{HOSTILE}") as stage:
            stage.step(1, 2, {"loss": 1.0})
    _, err = capfd.readouterr()
    plain = re.sub(r"\x1b\[[?\d;]*[a-zA-Z]|\r", "", err)
    assert "stage [red]\\x1b]52" in plain
    assert raw_controls(plain) == set()
