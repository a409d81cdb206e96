"""LUNAR: least squares on a worked example, and on a model's matrix."""

from dataclasses import replace

import pytest
import torch

from unharness import MethodError, hidden_states
from unharness_methods.lunar import LUNAR, ridge_solution


def test_a_worked_example():
    x, y = torch.tensor([[1.0], [2.0]]).double(), torch.tensor([[3.0], [5.0]]).double()
    assert ridge_solution(x.T @ x, x.T @ y, 0.5).item() == pytest.approx(2.363636, abs=1e-6)


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_forget_questions_are_redirected_and_retain_questions_are_not(context, tuning):
    work = context(tuning)
    before = work.combine_states([(work.state(), 1.0)])
    asked = {role: next(iter(work.batches(work.encode(role), 8))) for role in ("forget", "retain")}
    work.model.eval()
    with torch.no_grad():
        old = {role: hidden_states(work.model, batch, 1) for role, batch in asked.items()}
    LUNAR(LUNAR.Config(layer=1, tokens="last", ridge=1e-6)).unlearn(work)
    report = work.report
    assert report["block"] == 1
    assert report["redirected_forget"] == pytest.approx(1, abs=0.05)
    assert abs(report["redirected_retain"]) < 0.05
    after = work.model.state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert {name for name in moved if "weight" in name} == {"model.layers.1.mlp.down_proj.weight"}
    with torch.no_grad():
        shifts = {
            role: (hidden_states(work.model, batch, 1) - old[role]).norm(dim=-1).max()
            for role, batch in asked.items()
        }
    assert shifts["forget"] > 0.5 * 2 * report["length_of_r"]


def test_a_set_without_questions(context):
    work = context("full")
    split = work.splits.splits["secret"]
    texts = split.with_examples(replace(row, prompt="") for row in split.examples)
    work.splits = work.splits.joined(texts)
    with pytest.raises(MethodError, match="secret: no questions; lunar needs some"):
        LUNAR(LUNAR.Config()).unlearn(work)
    with pytest.raises(MethodError, match="layer=7: the model has blocks 0 to 1"):
        LUNAR(LUNAR.Config(layer=7)).unlearn(work)
