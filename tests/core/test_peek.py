"""What `unharness peek` shows is what the stages of a run read."""

import json

import pytest

from unharness.data.encoding import encode_examples
from unharness.errors import UnknownNameError
from unharness.models.source import find_tokenizer
from unharness.pipeline.data_choice import load_data
from unharness.pipeline.peek import peek
from unharness.registry import registry
from unharness.request import make_request

STANDIN = {"data": "standin", "model": "micro"}


def look(task, split=None, example=None, **options):
    return peek(make_request({"task": task, **STANDIN, **options}), registry(), split, example)


def text_of(answer):
    return "".join(token.text for row in answer.windows for token in row)


def test_the_tokens_are_those_that_training_and_evaluation_read():
    from unharness.data.named_task import make_task
    from unharness.data.sources import DataSource

    found = look("tofu", "forget")
    data = load_data(make_task("tofu", registry()), DataSource("standin"), registry()).limited(8)
    tokenizer, template = find_tokenizer("micro", data, registry())
    row = found.example
    for answer, end in ((found.learned, True), (found.evaluated, False)):
        [encoded] = encode_examples(
            tokenizer, [row], found.max_length, end_token=end, template=template
        )
        [tokens] = answer.windows
        assert tuple(token.id for token in tokens) == encoded.input_ids
        assert [token.scored for token in tokens].index(True) == encoded.answer_start
        assert answer.scored == encoded.scored
    assert text_of(found.evaluated) == f"{row.prompt}\n\n{row.answer}"
    assert found.learned.windows[0][-1].special
    assert not any(token.special for token in found.evaluated.windows[0])
    assert found.prompts[0] == ("prompt", f"{row.prompt}\n\n")


def test_other_answers_and_questions_are_shown_with_their_kinds():
    found = look("tofu", "forget")
    kinds = [(one.question, one.answer) for one in found.others]
    assert ("prompt", "paraphrase") in kinds
    assert kinds.count(("prompt", "perturbed")) == len(found.example.alternatives["perturbed"])
    assert all(one.scored for one in found.others)
    paraphrase = next(one for one in found.others if one.answer == "paraphrase")
    assert text_of(paraphrase).endswith(found.example.alternatives["paraphrase"][0])


def test_choices_are_shown_with_the_right_one():
    from unharness.data.named_task import make_task
    from unharness.data.sources import DataSource

    data = load_data(make_task("wmdp", registry()), DataSource("standin"), registry())
    split = next(name for name, one in data.splits.items() if one.kind == "choice")
    found = look("wmdp", split)
    choices = [one for one in found.others if one.answer.startswith("choice ")]
    assert len(choices) == len(found.example.choices) > 1
    assert [one.gold for one in choices].index(True) == found.example.gold


def test_a_long_text_is_shown_in_its_windows_and_a_long_answer_is_cut():
    text = look("muse", "forget", max_length=16)
    assert len(text.learned.windows) > 1
    assert all(len(row) <= 16 for row in text.learned.windows)
    assert not text.learned.truncated
    assert text.prompts == ()
    cut = look("tofu", "forget", max_length=8)
    assert cut.learned.truncated


def test_a_split_that_is_not_evaluated_has_no_evaluated_tokens():
    found = look("knowundo-privacy", "forget_train")
    assert found.evaluated is None
    assert found.learned is not None
    evaluated = look("knowundo-privacy", "forget_eval")
    assert evaluated.evaluated is not None


def test_a_chat_template_is_shown_with_its_special_tokens(checkpoint, tmp_path):
    folder = checkpoint("llama", tmp_path / "model")
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config["chat_template"] = "<|user|>{{ messages[0]['content'] }}<|model|>"
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes(b"no weights are read")
    found = look("tofu", "forget", model=str(folder))
    assert found.template == "chat"
    assert found.prompts[0][1] == f"<|user|>{found.example.prompt}<|model|>"
    assert text_of(found.evaluated).startswith("<|user|>")
    plain = look("tofu", "forget", model=str(folder), template="plain")
    assert plain.prompts[0][1] == f"{plain.example.prompt}\n\n"
    assert plain.evaluated.windows[0][0].special  # this tokenizer puts one in front


def test_unknown_splits_and_examples_are_refused_with_what_is_near():
    with pytest.raises(UnknownNameError, match="Did you mean forget"):
        look("tofu", "forgot")
    known = look("tofu", "forget").example.id
    with pytest.raises(UnknownNameError, match="from "):
        look("tofu", "forget", known + "9")
    assert look("tofu", "forget", known).place == 0


def test_the_command_prints_what_is_given_and_what_is_scored(main_here, tmp_path):
    words = ("peek", "tofu", "--split", "forget", "--model", "micro", "--data", "standin")
    code, output, _ = main_here(*words)
    assert code == 0
    for part in ("given, ", "scored, ", "positions", "<|end|>", "as above", "perturbed"):
        assert part in output
    facts = json.loads(main_here(*words, "--format", "json")[1])
    assert facts["split"]["role"] == "forget"
    assert any(token["scored"] for token in facts["evaluated"]["windows"][0])
    own = tmp_path / "forget.jsonl"
    rows = [{"prompt": f"Who is {at}?", "answer": f"Number {at}."} for at in range(6)]
    own.write_text("\n".join(map(json.dumps, rows)))
    code, output, errors = main_here("peek", str(own), "--model", "micro")
    assert (code, errors) == (0, "")
    assert "Who" in output
