"""PDU: the Lagrangian and its multiplier on a worked example, and in training."""

import pytest
import torch

from unharness import UnlearnBatch
from unharness_methods.pdu import PDU, DualVariable, squared_gap

ROWS = torch.tensor([[2.0, 1.0, 0.0], [3.0, 0.0, 0.0]])


def test_a_worked_example():
    gaps = squared_gap(ROWS)
    assert gaps.tolist() == pytest.approx([1, 4])
    dual = DualVariable(50.0, 1.0, 0.3)
    loss = gaps.mean() + dual.penalty(torch.tensor([0.4, 0.6]))
    assert loss.item() == pytest.approx(12.500000, abs=1e-5)
    dual.move()
    assert dual.multiplier == pytest.approx(50.200000, abs=1e-6)


def test_the_gap_does_not_depend_on_a_shift():
    torch.testing.assert_close(squared_gap(ROWS + 7), squared_gap(ROWS))


def test_the_multiplier_is_never_negative_and_waits_for_the_warm_up():
    dual = DualVariable(1.0, 5.0, 1.0)
    dual.penalty(torch.tensor([0.5]))
    dual.move(still=True)
    assert dual.multiplier == 1.0
    dual.penalty(torch.tensor([0.5]))
    dual.move()
    assert dual.multiplier == 0.0


def test_a_pass_that_begins_again_counts_its_losses_once():
    made = PDU(PDU.Config(epsilon=0.3))
    made._dual = DualVariable(1.0, 5.0, 1.0)
    made._dual.penalty(torch.tensor([9.0]))  # then memory ran out
    made.restart_pass()
    made._dual.penalty(torch.tensor([1.2, 1.4]))
    made._dual.move()
    assert made._dual.multiplier == pytest.approx(2.5)


def test_the_loss_is_the_lagrangian(known_model):
    streams = {"forget": known_model.says([-0.5, -0.7]), "retain": known_model.says([-0.5, -0.5])}
    made = PDU(PDU.Config(epsilon=0.3))
    made._vocabulary, made._dual = 64, DualVariable(50.0, 1.0, 0.3)
    forget, retain = made.loss_terms(known_model, UnlearnBatch(streams))
    rows = known_model.table[streams["forget"].input_ids[0, :2]]
    assert forget.item() == pytest.approx(squared_gap(rows).mean().item(), abs=1e-6)
    assert retain.item() == pytest.approx(10.0, abs=1e-4)


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_the_multiplier_moves_after_every_step(context, tuning):
    work = context(tuning)
    values = {"epochs": 3, "batch_size": 4, "lr": 1e-3, "multiplier": 1.0, "warmup_epochs": 1}
    PDU(PDU.Config(**values)).unlearn(work)
    history = work.report["multipliers"]
    assert len(history) == work.log.steps == 6
    assert history[:2] == [1.0, 1.0]
    assert history[2] != 1.0
    assert work.report["epsilon"] > 0
