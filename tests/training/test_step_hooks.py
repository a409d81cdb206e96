"""Hooks of an optimizer step: several passes, gradients by term, and what comes after the step."""

import random
from typing import Any

import pytest
import torch

from unharness import TrainConfig
from unharness.data.batches import collate
from unharness.data.encoding import Encoded
from unharness.training.hooks import StepHooks
from unharness.training.loop import train
from unharness.training.steps import MicroBatch, Step, fine_tune_steps

CONFIG = TrainConfig(epochs=1, lr=1e-2, batch_size=4, warmup_ratio=0.0, max_grad_norm=0.0)
ROWS = [Encoded((n, 1 + n % 3, 2), 1, False) for n in range(6)]


class Two(torch.nn.Module):
    """Two parameters of two entries each."""

    def __init__(self):
        super().__init__()
        self.theta = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
        self.other = torch.nn.Parameter(torch.tensor([0.5, -1.0]))


def one_step(count: int = 1) -> list[Step]:
    batch = collate(ROWS[:1], 0)
    return [Step((MicroBatch(lambda: batch, 1.0, 3),), 1)] * count


class Sam(StepHooks):
    """Sharpness-aware minimization: the gradient at theta + rho * g / |g|."""

    passes = 2

    def __init__(self, rho: float) -> None:
        self._rho = rho
        self._moved: dict[str, torch.Tensor] = {}
        self.used: dict[str, torch.Tensor] = {}

    def before_pass(self, model: Any, index: int) -> None:
        if index == 0:
            return
        gradients = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
        norm = torch.stack([value.norm() for value in gradients.values()]).norm()
        with torch.no_grad():
            for name, value in model.named_parameters():
                if name in gradients:
                    self._moved[name] = self._rho * gradients[name] / norm
                    value.add_(self._moved[name])
                    value.grad = None

    def finish_gradients(self, model: Any) -> None:
        with torch.no_grad():
            for name, value in model.named_parameters():
                if name in self._moved:
                    value.sub_(self._moved[name])
                    self.used[name] = value.grad.clone()


def test_a_second_pass_at_moved_weights_gives_the_published_gradient():
    # f = 1/2 (t1^2 + 4 t2^2) at [1, 2], rho 0.1: g = [1, 8], and the gradient that is used is
    # [1.012403, 8.396911].
    model, hooks = Two(), Sam(0.1)
    before = model.theta.detach().clone()
    seen = []

    def loss(current: Any, batch: Any) -> torch.Tensor:
        seen.append(current.theta.detach().clone())
        return 0.5 * (current.theta[0] ** 2 + 4 * current.theta[1] ** 2)

    log = train(model, one_step(), loss, CONFIG, seed=0, hooks=hooks)
    assert hooks.used["theta"].tolist() == pytest.approx([1.012403, 8.396911], abs=1e-6)
    assert "other" not in hooks.used
    assert torch.equal(seen[0], before)
    assert (seen[1] - before).tolist() == pytest.approx([0.012403, 0.099228], abs=1e-6)
    # The step begins where it was, and its loss is the one there.
    moved = (model.theta.detach() - before).tolist()
    assert moved == pytest.approx([-1e-2, -1e-2], rel=1e-3)
    assert log.losses == [pytest.approx(8.5)]


@pytest.mark.parametrize("micro", [None, 1, 2])
def test_gradients_of_the_terms_come_apart_whatever_the_micro_batch(micro: int | None):
    class Apart(StepHooks):
        separate_gradients = True
        found: list[Any] = []

        def combine_gradients(self, terms: Any) -> Any:
            self.found.append([{n: g.clone() for n, g in term.items()} for term in terms])
            return {"theta": 3 * terms[0]["theta"] - terms[1]["theta"]}

        def finish_gradients(self, model: Any) -> None:
            self.last = model.theta.grad.clone(), model.other.grad

    def loss(model: Any, batch: Any) -> Any:
        first = batch.input_ids[:, 0].float()
        yield (first * model.theta[0]).mean()
        yield (first**2).mean() * model.theta[1] + model.other.sum()

    hooks = Apart()
    hooks.found = []
    steps = fine_tune_steps(
        ROWS,
        epochs=1,
        batch_size=6,
        micro_batch_size=micro,
        pad_token_id=0,
        order=random.Random(0),
    )
    train(Two(), steps, loss, CONFIG, seed=0, hooks=hooks)
    [[left, right]] = hooks.found
    assert left["theta"].tolist() == pytest.approx([15 / 6, 0.0])
    assert set(left) == {"theta"}
    assert right["theta"].tolist() == pytest.approx([0.0, 55 / 6])
    assert right["other"].tolist() == pytest.approx([1.0, 1.0])
    gradient, dropped = hooks.last
    assert gradient.tolist() == pytest.approx([7.5, -55 / 6])
    assert dropped is None


def test_by_default_separate_gradients_add_up_to_the_sum_s():
    class Apart(StepHooks):
        separate_gradients = True
        passes = 2  # the second pass adds to the first

        def finish_gradients(self, model: Any) -> None:
            self.gradient = model.theta.grad.clone()

    def loss(model: Any, batch: Any) -> Any:
        yield model.theta[0] ** 2
        yield 5 * model.theta.sum()

    hooks = Apart()
    train(Two(), one_step(), loss, CONFIG, seed=0, hooks=hooks)
    assert hooks.gradient.tolist() == pytest.approx([2 * 7.0, 2 * 5.0])


def test_after_step_comes_once_the_weights_have_moved():
    class After(StepHooks):
        def __init__(self) -> None:
            self.heard: list[tuple[str, float]] = []

        def finish_gradients(self, model: Any) -> None:
            self.heard.append(("gradients", model.theta[0].item()))

        def after_step(self, model: Any) -> None:
            self.heard.append(("after", model.theta[0].item()))

    hooks = After()
    train(Two(), one_step(2), lambda m, _: m.theta.sum(), CONFIG, seed=0, hooks=hooks)
    assert [what for what, _ in hooks.heard] == ["gradients", "after"] * 2
    (_, start), (_, first), (_, again), (_, second) = hooks.heard
    assert start == 1.0
    assert first == again < start
    assert second < first
