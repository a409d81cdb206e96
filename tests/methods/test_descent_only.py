"""The control: the retain set alone moves the weights, in as many steps as the others take."""

import random

import pytest
import torch

from unharness import DataOrigin, Example, Split, TaskData, UnlearnBatch, UnlearnContext
from unharness.unlearning.loss_trainer import train_with_loss
from unharness.unlearning.stream_rows import stream_rows
from unharness.unlearning.streams import with_forget
from unharness_methods.descent_only import DescentOnly
from unharness_methods.gradient_difference import GradientDifference

OPTIONS = {"epochs": 2, "batch_size": 4, "lr": 1e-2}


def data(secret="Nobody"):
    forget = tuple(Example(f"f{n}", f"Who is {n}?", f"{secret} {n}") for n in range(10))
    retain = tuple(Example(f"r{n}", f"Where is {n}?", f"Here {n}") for n in range(7))
    return TaskData.of(
        (Split("secret", "forget", examples=forget), Split("kept", "retain", examples=retain)),
        DataOrigin("path", "here"),
    )


def trained(load_checkpoint, method, splits):
    model, tokenizer = load_checkpoint("llama")
    context = UnlearnContext(model, tokenizer, splits, 0, 64, "cpu")
    train_with_loss(method(method.Config(**OPTIONS)), context)
    return context


def test_the_forget_stream_is_not_looked_at(make_tokenizer):
    context = UnlearnContext(None, make_tokenizer(), data(), 0, 64, "cpu")
    method = DescentOnly(DescentOnly.Config())
    rows = stream_rows(context, with_forget(method.streams()), 1, random.Random(0))
    assert set(rows) == {"forget", "retain"}

    class Guarded(dict):
        def __getitem__(self, name):
            assert name == "retain"
            return super().__getitem__(name)

    from unharness.data.batches import collate

    kept = collate(rows["retain"].take(range(3), 0), 0)
    logits = torch.randn(64, 2000)
    model = torch.nn.Module()
    model.forward = lambda input_ids, **_: type("Out", (), {"logits": logits[input_ids % 64]})()
    batch = UnlearnBatch(Guarded(retain=kept, forget=None))
    assert method.loss(model, batch).item() > 0


@pytest.mark.slow
def test_as_many_steps_as_gradient_difference_and_answers_of_the_forget_set_change_nothing(
    load_checkpoint,
):
    control = trained(load_checkpoint, DescentOnly, data())
    assert control.log.steps == trained(load_checkpoint, GradientDifference, data()).log.steps == 6
    assert control.log.losses[-1] < control.log.losses[0]
    # Answers of the same length, so that batches are grouped alike.
    other = trained(load_checkpoint, DescentOnly, data("Someon"))
    state = other.state()
    assert all(torch.equal(value, state[name]) for name, value in control.state().items())
