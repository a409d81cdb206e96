"""Which scored tokens stand before the answer: counted when it is observed, kept on disk."""

from dataclasses import replace

import numpy
import pytest

from unharness import Example, Observed
from unharness.data.encoding import encode_examples
from unharness.evaluation.token_scoring import score_tokens

ROWS = (
    Example("0", "Who lives in Rome?", "Anna does."),
    Example("1", "Why?", "B"),
    Example("2", "", "A text without a question."),
    Example("3", "And?", " \n\nSpaced."),
)


@pytest.mark.parametrize("kind", ["llama", "qwen2"])
def test_the_blank_line_of_the_plain_template_is_counted(kind, load_checkpoint):
    model, tokenizer = load_checkpoint(kind)
    found = score_tokens(model, tokenizer, ROWS, max_length=64)
    for row, example in zip(found, ROWS, strict=True):
        [encoded] = encode_examples(tokenizer, [example], 64, end_token=False)
        ids = encoded.input_ids[max(1, encoded.answer_start) :]
        own = tokenizer.decode(ids[row.leading_blanks :])
        assert not tokenizer.decode(ids[: row.leading_blanks]).strip()
        assert example.answer.strip().endswith(own.strip())
        assert tokenizer.decode(ids[row.leading_blanks]).strip()
    assert found[0].leading_blanks > 0
    assert found[2].leading_blanks == 0
    assert found[3].leading_blanks >= found[0].leading_blanks


def test_observations_keep_it_and_older_ones_have_none(load_checkpoint):
    model, tokenizer = load_checkpoint("llama")
    rows = [[row, None] for row in score_tokens(model, tokenizer, ROWS, max_length=64)]
    observed = Observed.of_tokens(rows)
    assert observed.tokens == rows
    arrays = {name: one for name, one in observed.arrays.items() if name != "leading_blanks"}
    older = replace(observed, arrays=arrays).tokens
    assert [row.leading_blanks for row, _ in older] == [None] * len(ROWS)
    assert numpy.array_equal(Observed.of_tokens(older).arrays["tokens"], arrays["tokens"])
