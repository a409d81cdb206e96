"""The teacher-forced pass against a naive one, an example at a time in float64."""

import copy
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from unharness import Example
from unharness.errors import ModelError
from unharness.evaluation.token_scoring import _position_scores, score_tokens

EXAMPLES = [
    Example("0", "Who?", "Nobody."),
    Example("1", "What is Isabella Marquez's email address, please?", "isabella@example.com"),
    Example("2", "Why?", "Because " * 12),
    Example("3", "Where does she live these days?", "In Ünïcode 是 street."),
    Example("4", "A", "B"),
    Example("5", "What is the name of her mother and of her father?", "Ann and Bob"),
    Example("6", "Who then?", "The same."),
]


@pytest.fixture(params=["llama", "qwen2", "gpt_neox"])
def loaded(request: pytest.FixtureRequest, load_checkpoint: Callable[..., Any]) -> Any:
    return load_checkpoint(request.param)


def _score(loaded: Any, examples: list[Example] = EXAMPLES, **options: Any) -> Any:
    options = {"max_length": 256, "batch_size": 4} | options
    return score_tokens(*loaded, examples, **options)


def _naive(loaded: Any, example: Example) -> dict[str, list[float]]:
    """Token by token: one prefix after another, no batch, no padding, float64."""
    model, tokenizer = loaded
    exact = copy.deepcopy(model).double()
    ids = tokenizer(f"{example.prompt}\n\n{example.answer}")["input_ids"]
    start = len(tokenizer(example.prompt)["input_ids"])
    columns: dict[str, list[float]] = {name: [] for name in ("log", "best", "mean", "var")}
    with torch.no_grad():
        for place in range(start, len(ids)):
            logits = exact(input_ids=torch.tensor([ids[:place]])).logits[0, -1]
            log_probs = logits - logits.exp().sum().log()
            probs = log_probs.exp()
            mean = (probs * log_probs).sum()
            columns["log"].append(log_probs[ids[place]].item())
            columns["best"].append(int(logits.argmax()))
            columns["mean"].append(mean.item())
            columns["var"].append((probs * (log_probs - mean) ** 2).sum().item())
    columns["true"] = ids[start:]
    return columns


@pytest.mark.slow
def test_it_equals_the_naive_pass(loaded: Any):
    _, tokenizer = loaded
    for row, example in zip(_score(loaded), EXAMPLES, strict=True):
        naive = _naive(loaded, example)
        assert row.log_probs == pytest.approx(naive["log"], abs=1e-5)
        assert row.means == pytest.approx(naive["mean"], abs=1e-5)
        assert row.variances == pytest.approx(naive["var"], abs=1e-4)
        hits = [best == true for best, true in zip(naive["best"], naive["true"], strict=True)]
        assert list(row.hits) == hits
        assert row.argmax_text == tokenizer.decode(naive["best"], skip_special_tokens=True)
        assert row.answer_text == f"\n\n{example.answer}"
        assert not row.truncated


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_the_batch_size_changes_nothing(size: int, loaded: Any):
    whole, parts = _score(loaded), _score(loaded, batch_size=size)
    for one, two in zip(whole, parts, strict=True):
        assert one.log_probs == pytest.approx(two.log_probs, abs=1e-5)
        assert one.variances == pytest.approx(two.variances, abs=1e-4)
        assert one.argmax_text == two.argmax_text
        assert one.answer_text == two.answer_text


def _equal(one: Any, two: Any) -> None:
    for left, right in zip(one, two, strict=True):
        assert left.log_probs == pytest.approx(right.log_probs, abs=1e-5)
        assert left.means == pytest.approx(right.means, abs=1e-5)
        assert left.variances == pytest.approx(right.variances, abs=1e-4)
        assert (left.hits, left.argmax_text) == (right.hits, right.argmax_text)


def _passes(model: Any) -> list[tuple[int, int]]:
    """The shape, examples by tokens, of every batch that goes through the model from now on."""
    shapes: list[tuple[int, int]] = []
    model.register_forward_pre_hook(
        lambda module, args, given: shapes.append(tuple(given["input_ids"].shape)),
        with_kwargs=True,
    )
    return shapes


@pytest.mark.parametrize("tokens", [1, 60, 150, 10_000])
def test_a_pass_holds_no_more_logits_than_there_is_memory_for(tokens: int, load_checkpoint: Any):
    loaded = load_checkpoint("llama")
    model = loaded[0]
    whole = _score(loaded, batch_size=32)
    shapes = _passes(model)
    found = _score(loaded, batch_size=32, memory=tokens * model.config.vocab_size * 4)
    assert all(rows == 1 or rows * width <= tokens for rows, width in shapes)
    assert sum(rows for rows, _ in shapes) == len(EXAMPLES)
    assert (len(shapes) == 1) == (tokens == 10_000)  # no smaller than it must be
    _equal(found, whole)


@pytest.mark.parametrize("room", [1, 2, 5])
def test_a_batch_that_runs_out_of_memory_is_halved(room: int, load_checkpoint: Any):
    loaded = load_checkpoint("llama")
    whole = _score(loaded, batch_size=32)
    loaded[0].register_forward_pre_hook(_too_small(room), with_kwargs=True)
    shapes = _passes(loaded[0])
    _equal(_score(loaded, batch_size=32), whole)
    assert sum(rows for rows, _ in shapes) == len(EXAMPLES)


def _too_small(room: int) -> Callable[..., None]:
    """A device on which so many examples fit; the error is torch's own."""

    def check(module: Any, args: Any, given: Any) -> None:
        if len(given["input_ids"]) > room:
            torch.empty(2**62, dtype=torch.uint8)

    return check


def test_one_example_that_does_not_fit_is_an_error_in_one_line(load_checkpoint: Any):
    loaded = load_checkpoint("llama")
    loaded[0].register_forward_pre_hook(_too_small(0), with_kwargs=True)
    with pytest.raises(ModelError, match=r"out of memory: one example of \d+ tokens"):
        _score(loaded)


def test_an_error_that_is_not_about_memory_is_not_tried_again(load_checkpoint: Any):
    loaded = load_checkpoint("llama")
    calls: list[int] = []

    def broken(*_: Any) -> None:
        calls.append(1)
        raise RuntimeError("shapes do not match")

    loaded[0].register_forward_pre_hook(broken, with_kwargs=True)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        _score(loaded)
    assert calls == [1]


def test_what_lies_beyond_the_maximum_is_not_scored(load_checkpoint: Any):
    loaded = load_checkpoint("llama")
    tokenizer = loaded[1]
    example = EXAMPLES[2]
    start = len(tokenizer(example.prompt)["input_ids"])
    (whole,) = _score(loaded, [example])
    (cut,) = _score(loaded, [example], max_length=start + 5)
    assert len(cut.log_probs) == 5
    assert cut.truncated
    assert cut.log_probs == pytest.approx(whole.log_probs[:5], abs=1e-5)
    assert _score(loaded, [example], max_length=start) == [None]
    # One that cannot be scored leaves the places of the others as they are.
    rows = _score(loaded, max_length=start + 5)
    assert [row is None for row in rows] == [False, True, False, True, False, True, False]
    assert rows[0].answer_text.startswith("\n\nNob")


def test_no_examples_and_progress(load_checkpoint: Any):
    loaded = load_checkpoint("llama")
    assert _score(loaded, []) == []
    told: list[tuple[int, int]] = []
    _score(loaded, batch_size=3, on_done=lambda *values: told.append(values))
    assert told == [(3, 7), (6, 7), (7, 7)]


def test_the_model_is_left_as_it_was(load_checkpoint: Any):
    model, tokenizer = load_checkpoint("llama")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    _score((model, tokenizer))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    loss = model(input_ids=torch.tensor([[1, 2, 3]])).logits.sum()
    loss.backward()  # a pass under inference mode leaves no tensor that cannot be trained on


def test_position_scores_by_hand():
    # Probabilities 1/2, 1/4, 1/4: mean log-probability -1.5 ln 2; its variance is
    # 1/2 (0.5 ln 2)^2 + 1/2 (0.5 ln 2)^2 = (ln 2)^2 / 4.
    two = math.log(2)
    logits = torch.tensor([[-two, -2 * two, -2 * two], [0.0, -math.inf, -math.inf]])
    chosen, best, means, variances = _position_scores(logits, torch.tensor([1, 2]))
    assert chosen.tolist() == pytest.approx([-2 * two, -math.inf])
    assert best.tolist() == [0, 0]
    # A certain prediction has mean and variance 0; a token of probability 0 weighs nothing.
    assert means.tolist() == pytest.approx([-1.5 * two, 0.0])
    assert variances.tolist() == pytest.approx([two * two / 4, 0.0])


def test_more_positions_than_are_held_at_once():
    from unharness.evaluation.token_scoring import POSITIONS_AT_ONCE

    generator = torch.Generator().manual_seed(0)
    count = 2 * POSITIONS_AT_ONCE + 3
    logits = torch.randn(count, 11, generator=generator)
    targets = torch.randint(11, (count,), generator=generator)
    chosen, best, means, _ = _position_scores(logits, targets)
    exact = logits.double().log_softmax(-1)
    assert best.tolist() == logits.argmax(-1).tolist()
    expected = exact.gather(1, targets[:, None])[:, 0]
    torch.testing.assert_close(chosen.double(), expected, rtol=0, atol=1e-5)
    torch.testing.assert_close(means.double(), (exact.exp() * exact).sum(-1), rtol=0, atol=1e-5)
