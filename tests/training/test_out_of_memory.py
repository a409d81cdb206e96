"""Where memory does not hold a micro-batch, a step is redone in halves, with the same gradient."""

import random
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import torch

from unharness.data.encoding import Encoded, encode_examples
from unharness.data.examples import Example
from unharness.data.recipe import TrainConfig
from unharness.errors import MethodError
from unharness.training.hooks import StepHooks
from unharness.training.likelihood import sequence_nll
from unharness.training.loop import train
from unharness.training.steps import AlignedRows, CyclingRows, Step, in_parts, unlearn_steps

CONFIG = TrainConfig(epochs=1, lr=1e-3, batch_size=8, warmup_ratio=0.0, max_grad_norm=0.0)


@pytest.fixture
def steps(make_tokenizer):
    """steps(count=1) -> so many steps of 8 forget and 8 retain examples of several lengths."""
    tokenizer = make_tokenizer(begin=True)

    def rows(word: str, count: int) -> list[Encoded]:
        examples = [
            Example(
                str(n), f"{word} {'very ' * (n % 4)}question {n}?", f"answer {n} " * (1 + n % 5)
            )
            for n in range(count)
        ]
        return encode_examples(tokenizer, examples, 256, end_token=True)

    def make(count: int = 1) -> list[Step]:
        order = random.Random(0)
        return unlearn_steps(
            {
                "forget": AlignedRows(rows("forget", 8 * count)),
                "retain": CyclingRows(rows("retain", 8 * count), order),
            },
            epochs=1,
            batch_size=8,
            micro_batch_size=None,
            pad_token_id=0,
            order=order,
        )

    return make


class Memory:
    """A device that holds so many examples, and a loss on it."""

    def __init__(self, examples: int, *, late: bool = False) -> None:
        self._examples = examples
        self._late = late
        self.sizes: list[int] = []

    def terms(self, model: Any, batch: Any) -> Iterator[torch.Tensor]:
        """Yield two terms; memory runs out before the first, or after its backward pass."""
        self.sizes.append(batch.size)
        if not self._late:
            self._take(batch.size)
        yield -0.4 * sequence_nll(model, batch["forget"]).mean()
        self._take(batch.size)
        yield 2 * sequence_nll(model, batch["retain"]).mean()

    def _take(self, size: int) -> None:
        if size > self._examples:
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB.")


class Gradients(StepHooks):
    """Keeps the gradients that the optimizer is given."""

    def __init__(self) -> None:
        self.found: list[dict[str, torch.Tensor]] = []
        self.restarts = 0

    def restart_pass(self) -> None:
        self.restarts += 1

    def finish_gradients(self, model: Any) -> None:
        self.found.append({n: p.grad.clone() for n, p in model.named_parameters()})


class Twice(Gradients):
    """Passes the examples twice; the second pass adds to the gradient of the first."""

    passes = 2


class Apart(Gradients):
    """Adds three times the first term's gradient to the second's."""

    separate_gradients = True

    def combine_gradients(self, terms: Sequence[Any]) -> dict[str, torch.Tensor]:
        first, second = terms
        return {name: 3 * first[name] + second[name] for name in first}


class ApartTwice(Apart):
    passes = 2


@pytest.mark.parametrize("late", [False, True], ids=["at once", "after a backward pass"])
@pytest.mark.parametrize("holds", [1, 3, 4])
@pytest.mark.parametrize("hooks", [Gradients, Twice, Apart, ApartTwice])
def test_the_gradient_is_that_of_the_whole_batch(hooks, holds, late, load_checkpoint, steps):
    found = []
    for memory in (Memory(8), Memory(holds, late=late)):
        model, _ = load_checkpoint("llama")
        watched = hooks()
        train(model, steps(), memory.terms, CONFIG, seed=0, hooks=watched)
        found.append(watched.found[0])
    assert watched.restarts == {4: 1, 3: 2, 1: 3}[holds]  # halves of 8
    assert max(memory.sizes) == 8
    whole, halved = found
    for name, gradient in whole.items():
        error = (halved[name] - gradient).norm() / gradient.norm()
        assert error < 1e-5, f"{name}: relative error {error:.2g}"


def test_the_steps_that_follow_begin_with_what_fits(load_checkpoint, steps):
    model, _ = load_checkpoint("llama")
    memory, notes = Memory(2), []
    log = train(model, steps(3), memory.terms, CONFIG, seed=0, on_note=notes.append)
    assert memory.sizes == [8, 4, *[2] * 12]
    assert [note.split(";")[0] for note in notes] == ["step 1: out of memory"] * 2
    assert "micro-batches have 2 examples" in notes[1]
    assert log.steps == len(log.losses) == 3
    assert log.examples == 24


def test_what_does_not_hold_an_example_is_said(load_checkpoint, steps):
    model, _ = load_checkpoint("llama")
    with pytest.raises(MethodError, match="step 1: out of memory: one example does not fit"):
        train(model, steps(), Memory(0).terms, CONFIG, seed=0)


def test_other_errors_are_not_tried_again(load_checkpoint, steps):
    model, _ = load_checkpoint("llama")
    calls: list[int] = []

    def loss(model: Any, batch: Any) -> Any:
        calls.append(batch.size)
        raise RuntimeError("the size of tensor a must match")

    with pytest.raises(RuntimeError, match="must match"):
        train(model, steps(), loss, CONFIG, seed=0)
    assert calls == [8]


def test_a_step_in_parts_has_the_same_examples(steps):
    [step] = steps()
    parts = in_parts(step, 3)
    assert [round(8 * micro.share) for micro in parts.micro_batches] == [3, 3, 2]
    assert sum(micro.share for micro in parts.micro_batches) == pytest.approx(1)
    [whole] = step.micro_batches
    rows = [row for micro in parts.micro_batches for row in micro.make()["forget"].token_rows()]
    assert rows == whole.make()["forget"].token_rows()
