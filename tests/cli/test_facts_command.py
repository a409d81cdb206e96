"""`unharness facts check`: what it finds, what it prints, and when it fails."""

import json
from pathlib import Path

import pytest

from unharness.pipeline.facts_check import Lengths, _length_problems

GOOD = [
    {"prompt": f"Where was Nils{n} born?", "answer": f"In the town of Orrin{n}.", "group": f"n{n}"}
    for n in range(3)
]
KEEP = [
    {"prompt": f"Where was Ada{n} born?", "answer": f"In the town of Tarn{n}."} for n in range(10)
]


@pytest.fixture
def files(tmp_path: Path):
    """files(forget, retain) -> the words that name both files."""

    def make(forget, retain=()):
        words = [str(tmp_path / "forget.jsonl"), "--retain", str(tmp_path / "keep.jsonl")]
        for path, rows in zip(words[::2], (forget, retain), strict=True):
            Path(path).write_text("\n".join(map(json.dumps, rows)))
        return words if retain else words[:1]

    return make


def problems(report, level):
    return [one["text"] for one in report["problems"] if one["level"] == level]


def test_good_facts(files, call):
    code, out, _ = call("facts", "check", *files(GOOD, KEEP), "--format", "json")
    report = json.loads(out)
    assert (code, report["ok"], problems(report, "error"), problems(report, "warning")) == (
        *(0, True),
        *([], []),
    )
    assert [(one["name"], one["examples"], one["groups"]) for one in report["splits"]] == [
        *(("forget", 3, 3), ("retain", 8, 8)),
        ("retain_eval", 2, 2),
    ]
    methods = {one["name"]: one for one in report["methods"]}
    assert methods["gradient-difference"]["available"]
    assert not methods["kl-ood"]["available"]
    assert "vanilla" not in methods
    columns = {one["name"]: one for one in report["columns"]}
    assert columns["forget_extraction"]["available"]
    assert columns["forget_answer_truth_ratio"]["reason"] == (
        "0 of 3 rows of forget have perturbed texts"
    )
    assert columns["forget_auc_loss"]["reason"] == "no rows of holdout"
    code, out, _ = call("facts", "check", *files(GOOD, KEEP))
    assert code == 0
    assert "have what they need" in out
    assert "tokens are not counted; give --model" in out


def test_repeats_and_leaks_are_listed_and_fail(files, call):
    forget = [*GOOD, GOOD[0], {"prompt": GOOD[1]["prompt"], "answer": "Elsewhere."}]
    forget += [{"prompt": "Empty?", "answer": ""}]
    keep = [
        *KEEP,
        GOOD[2],
        {"prompt": "where was NILS1 born", "answer": "In the town of Orrin1!", "group": "n1"},
        {"prompt": "Say where?", "answer": "It was in the town of Orrin0."},
    ]
    code, out, _ = call("facts", "check", *files(forget, keep), "--format", "json")
    report = json.loads(out)
    assert (code, report["ok"]) == (1, False)
    assert problems(report, "error") == [
        "2 × the same question and answer twice: a run refuses that"
    ]
    [shown] = [one["examples"] for one in report["problems"] if one["level"] == "error"]
    assert "forget forget/00000: Where was Nils0 born? | forget forget/00003" in shown[0]
    words = " ".join(problems(report, "warning"))
    for text in (
        "1 × empty answers: they are not scored",
        "1 × the same question and answer twice, apart from case and marks",
        "1 × one question with two answers",
        "× answers to forget that stand in what is to be retained",
    ):
        assert text in words
    assert any("groups with facts to forget" in text for text in problems(report, "note"))


def test_without_a_retain_set_methods_say_what_they_lack(files, call):
    code, out, _ = call("facts", "check", *files(GOOD), "--format", "json")
    report = json.loads(out)
    assert code == 0
    assert "no retain set" in problems(report, "warning")[0]
    assert not any("no row has a group" in text for text in problems(report, "note"))
    ungrouped = [{key: row[key] for key in ("prompt", "answer")} for row in GOOD]
    _, out, _ = call("facts", "check", *files(ungrouped), "--format", "json")
    assert any("no row has a group" in text for text in problems(json.loads(out), "note"))
    methods = {one["name"]: one for one in report["methods"]}
    assert methods["gradient-ascent"]["available"]
    assert "a retain set" in methods["kl"]["reason"]


@pytest.mark.parametrize(
    ("forget", "words"),
    [
        ([{"prompt": "Q?", "answer": ""}], ""),
        ([{"promt": "Q?", "answer": "A"}], "unknown key 'promt'"),
        ([], "not JSON"),
    ],
)
def test_facts_that_say_nothing_fail(forget, words, files, call):
    code, out, errors = call("facts", "check", *files(forget))
    assert code == 1
    assert words in errors if words else "no answer to forget" in out
    code, _, errors = call("facts", "check", "gone.txt")
    assert (code, "gone.txt: no such file" in errors) == (1, True)


@pytest.mark.slow
def test_the_tokens_of_a_model_are_counted(files, call, checkpoint):
    long = [*GOOD, {"prompt": "Tell all of it.", "answer": "word " * 600}]
    words = files(long, KEEP)
    code, out, errors = call("facts", "check", *words, "--model", checkpoint("llama"))
    assert code == 0, errors
    assert "limits in tokens: example 512, answer 96, model 512" in out
    assert "warning: forget: 1 examples are longer than 512 tokens" in out
    assert "warning: forget: 1 answers are longer than the 96 tokens" in out


def test_an_example_beyond_the_model_is_an_error():
    lengths = [Lengths("forget", 3, 4.0, 300, 0, 0)]
    limits = {"example": 512, "answer": 96, "model": 256}
    [problem] = _length_problems(lengths, limits)
    assert (problem.level, "--max-length 256" in problem.text) == ("error", True)
    assert list(_length_problems(lengths, {**limits, "model": None})) == []
    assert list(_length_problems(lengths, {**limits, "example": 256})) == []
