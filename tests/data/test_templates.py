"""Plain and chat templates, and raw text in windows."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unharness import Example, Split
from unharness.data.encoding import encode_examples
from unharness.data.templates import default_template, effective_template, prompt_text
from unharness.errors import ModelError, UsageError

CHAT = (
    "{% for m in messages %}<|begin|>{{ m['role'] }}: {{ m['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|begin|>assistant: {% endif %}"
)
PAIR = Example("x", "Who is her mother?", "Ann Marquez.")


@pytest.fixture
def tokenizer(make_tokenizer: Callable[..., Any]) -> Any:
    made = make_tokenizer(begin=True, end=True)
    made.chat_template = CHAT
    return made


def test_a_chat_template_is_written_once_and_only_the_answer_is_scored(tokenizer: Any):
    [row] = encode_examples(tokenizer, [PAIR], 256, end_token=True, template="chat")
    text = tokenizer.decode(row.input_ids)
    assert text == "<|begin|>user: Who is her mother?<|end|><|begin|>assistant: Ann Marquez.<|end|>"
    assert tokenizer.decode(row.input_ids[row.answer_start :]) == "Ann Marquez.<|end|>"
    [plain] = encode_examples(tokenizer, [PAIR], 256, end_token=True)
    assert "user" not in tokenizer.decode(plain.input_ids)


def test_what_is_scored_continues_what_is_generated_from(tokenizer: Any):
    before = prompt_text(PAIR.prompt, "chat", tokenizer)
    [row] = encode_examples(tokenizer, [PAIR], 256, end_token=False, template="chat")
    prompt = tokenizer(before, add_special_tokens=False)["input_ids"]
    assert list(row.input_ids[: row.answer_start]) == prompt
    assert prompt_text(PAIR.prompt, "plain", tokenizer) == "Who is her mother?\n\n"


@pytest.mark.parametrize(
    "day",
    [
        "{{ date_string if date_string is defined else strftime_now('%d %b %Y') }}",
        "{{ strftime_now('%d %b %Y') }}",
    ],
)
def test_a_template_that_names_the_day_names_the_same_one_every_day(tokenizer: Any, day: str):
    tokenizer.chat_template = f"Today: {day}\n{CHAT}"
    assert prompt_text(PAIR.prompt, "chat", tokenizer).startswith("Today: 10 Apr 2025\n")


def test_a_chat_template_that_is_missing_is_said(make_tokenizer: Callable[..., Any]):
    with pytest.raises(ModelError, match="no chat template; give --template plain"):
        encode_examples(make_tokenizer(), [PAIR], 256, end_token=False, template="chat")


def test_the_split_decides_then_the_default(tokenizer: Any, make_tokenizer: Callable[..., Any]):
    assert effective_template(Split("a", "forget", template="chat"), "plain") == "chat"
    assert effective_template(Split("a", "forget"), "chat") == "chat"
    assert effective_template(Split("a", "forget", kind="text"), "chat") == "raw"
    assert effective_template(Split("a", "forget", kind="completion"), "plain") == "raw"
    assert default_template(tokenizer) == "chat"
    assert default_template(make_tokenizer()) == "plain"


def test_a_completion_goes_on_where_its_prompt_ends(make_tokenizer: Callable[..., Any]):
    tokenizer = make_tokenizer()
    start = Example("x", "Ann Marquez lives", " in Rome.")
    [row] = encode_examples(tokenizer, [start], 256, end_token=False, template="raw")
    assert tokenizer.decode(row.input_ids) == "Ann Marquez lives in Rome."
    assert tokenizer.decode(row.input_ids[row.answer_start :]) == " in Rome."
    assert prompt_text(start.prompt, "raw", tokenizer) == start.prompt


def test_an_unknown_template_is_refused():
    from unharness.data.templates import check_template

    with pytest.raises(UsageError, match="unknown template 'chatt'"):
        check_template("chatt")


@given(words=st.integers(1, 80), length=st.integers(2, 20), end=st.booleans())
def test_windows_of_a_text_score_every_token_but_the_first_once(
    make_tokenizer: Callable[..., Any], words: int, length: int, end: bool
):
    tokenizer = make_tokenizer()
    texts = [Example(str(n), "", " ".join(["word", "another"] * words)) for n in range(2)]
    rows = encode_examples(tokenizer, texts, length, end_token=end, kind="text")
    for index, text in enumerate(texts):
        whole = tokenizer(text.answer)["input_ids"] + [tokenizer.eos_token_id] * end
        own = [row for row in rows if row.example == index]
        scored = [token for row in own for token in row.input_ids[max(1, row.answer_start) :]]
        assert [whole[0], *scored] == whole
        assert all(len(row.input_ids) <= length for row in own)
        assert not any(row.truncated for row in own)
