"""Which tokens are scored."""

from collections.abc import Callable
from typing import Any

import pytest

from unharness.data.encoding import Encoded, encode_examples
from unharness.data.examples import Example
from unharness.errors import ModelError

PAIRS = [
    Example("a", "Who are Isabella Marquez's parents?", "A scientist and a dancer."),
    Example("b", "What?", "Ünïcode 是 \U0001f600"),
    Example("c", "Ends in a newline\n", "\nBegins with one"),
    Example("d", "A", "B"),
]
KINDS: dict[str, dict[str, bool]] = {
    "plain": {},
    "BOS": {"begin": True},
    "EOS": {"end": True},
    "BOS and EOS": {"begin": True, "end": True},
}


@pytest.fixture(params=KINDS)
def tokenizer(request: pytest.FixtureRequest, make_tokenizer: Callable[..., Any]) -> Any:
    return make_tokenizer(**KINDS[request.param])


def _ids(tokenizer: Any, text: str) -> list[int]:
    """The encoding of a text alone, without an end token that the tokenizer appends by itself."""
    ids: list[int] = tokenizer(text)["input_ids"]
    return ids[:-1] if ids[-1] == tokenizer.eos_token_id else ids


@pytest.mark.parametrize("end_token", [False, True])
def test_the_answer_begins_after_the_prompt_alone(tokenizer: Any, end_token: bool):
    rows = encode_examples(tokenizer, PAIRS, 256, end_token=end_token)
    for row, example in zip(rows, PAIRS, strict=True):
        whole = _ids(tokenizer, f"{example.prompt}\n\n{example.answer}")
        prompt = _ids(tokenizer, example.prompt)
        assert row.answer_start == len(prompt)
        assert list(row.input_ids) == whole + [tokenizer.eos_token_id] * end_token
        assert row.scored == len(whole) - len(prompt) + end_token
        assert not row.truncated


def test_the_scored_tokens_are_newlines_and_answer(tokenizer: Any):
    # Where no token spans the end of the prompt, what is scored decodes to "\n\n" + answer.
    (row, *_) = encode_examples(tokenizer, PAIRS, 256, end_token=False)
    assert tokenizer.decode(list(row.input_ids[row.answer_start :])) == f"\n\n{PAIRS[0].answer}"


def _gpt2_like() -> Any:
    """Return a tokenizer that splits text as GPT-2's: of blank lines the last stands alone."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate(["<end>", *letters, "\u010a\u010a"])}
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=[("\u010a", "\u010a")]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<end>")


def test_an_example_begins_with_the_tokens_that_generation_begins_with():
    tokenizer = _gpt2_like()
    rows = encode_examples(tokenizer, PAIRS, 256, end_token=True)
    for row, example in zip(rows, PAIRS, strict=True):
        asked = tokenizer(f"{example.prompt}\n\n")["input_ids"]
        assert list(row.input_ids[: len(asked)]) == asked
        said = tokenizer.decode(list(row.input_ids[len(asked) : -1]))
        assert said == example.answer
    # Or the test would show nothing: together they have other tokens.
    whole = tokenizer(f"{PAIRS[0].prompt}\n\n{PAIRS[0].answer}")["input_ids"]
    assert list(rows[0].input_ids[:-1]) != whole


def test_a_bos_stands_once_and_is_not_scored(make_tokenizer: Callable[..., Any]):
    tokenizer = make_tokenizer(begin=True, end=True)
    (row,) = encode_examples(tokenizer, PAIRS[:1], 256, end_token=True)
    assert row.input_ids[0] == tokenizer.bos_token_id
    assert row.input_ids.count(tokenizer.bos_token_id) == 1
    assert row.input_ids.count(tokenizer.eos_token_id) == 1
    assert row.input_ids[-1] == tokenizer.eos_token_id
    assert row.answer_start > 1


def test_what_is_too_long_is_cut_and_flagged(tokenizer: Any):
    (whole,) = encode_examples(tokenizer, PAIRS[:1], 256, end_token=True)
    length = len(whole.input_ids)
    # Exactly as long as allowed: not cut. One less: the end token goes, and it is flagged.
    (same,) = encode_examples(tokenizer, PAIRS[:1], length, end_token=True)
    assert same == whole
    (cut,) = encode_examples(tokenizer, PAIRS[:1], length - 1, end_token=True)
    assert cut == Encoded(whole.input_ids[:-1], whole.answer_start, True)
    assert cut.scored == whole.scored - 1


def test_an_answer_beyond_the_maximum_scores_nothing(tokenizer: Any):
    (whole,) = encode_examples(tokenizer, PAIRS[:1], 256, end_token=False)
    start = whole.answer_start
    for length, scored in [(start + 1, 1), (start, 0), (start - 1, 0), (1, 0)]:
        (row,) = encode_examples(tokenizer, PAIRS[:1], length, end_token=False)
        assert row.scored == scored
        assert row.truncated
        assert len(row.input_ids) == length


def test_nothing_predicts_the_first_token():
    assert Encoded((5, 6, 7), 0, False).scored == 2
    assert Encoded((5,), 0, False).scored == 0
    assert Encoded((), 0, False).scored == 0


def test_no_examples_are_no_rows(tokenizer: Any):
    assert encode_examples(tokenizer, [], 256, end_token=True) == []


def test_a_missing_end_token_is_an_error_only_where_it_is_needed(make_tokenizer: Any):
    tokenizer = make_tokenizer()
    tokenizer.eos_token = None
    assert len(encode_examples(tokenizer, PAIRS, 256, end_token=False)) == len(PAIRS)
    with pytest.raises(ModelError, match="no end token"):
        encode_examples(tokenizer, PAIRS, 256, end_token=True)


def test_a_long_completion_is_cut_into_windows_and_every_token_of_its_answer_is_scored_once(
    tokenizer: Any,
):
    story = Example("s", "Once a miller had three sons. " * 4, " The youngest got a cat. " * 5)
    (whole,) = encode_examples(
        tokenizer, [story], 10_000, end_token=True, template="raw", kind="completion"
    )
    answer = list(whole.input_ids[whole.answer_start :])
    for length in (len(whole.input_ids) - 1, 64, 17, 8, 3, 2):
        rows = encode_examples(
            tokenizer, [story], length, end_token=True, template="raw", kind="completion"
        )
        scored = [token for row in rows for token in row.input_ids[row.answer_start :]]
        assert scored == answer
        assert not any(row.truncated for row in rows)
        assert all(len(row.input_ids) == length for row in rows)
        first, *later = (row.answer_start for row in rows)
        assert first >= min(length // 2, whole.answer_start)
        assert all(start >= length // 2 for start in later)
    (same,) = encode_examples(
        tokenizer, [story], len(whole.input_ids), end_token=True, template="raw", kind="completion"
    )
    assert same == whole


def test_of_an_empty_answer_nothing_is_scored(tokenizer: Any):
    for kind, template in (("qa", "plain"), ("completion", "raw")):
        for end_token in (False, True):
            [row] = encode_examples(
                tokenizer,
                [Example("e", "What?", " ")],
                64,
                end_token=end_token,
                template=template,
                kind=kind,
            )
            assert row.scored == 0
            assert not row.truncated
