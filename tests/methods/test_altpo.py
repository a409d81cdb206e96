"""AltPO: a worked example, and the answers that the target model makes up."""

import math
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from unharness import MethodError, Split, UnlearnBatch, UsageError
from unharness.unlearning.stream_check import require_streams
from unharness_methods.altpo import AltPO
from unharness_methods.sampled_answers import Asked, cut, normalised, sampled_answers


def test_a_worked_example(known_model):
    streams = {
        "forget": known_model.says([-0.5, -1.0, -1.5], [-0.1, -0.4]),
        "alternative": known_model.says([-2.0, -4.0], [-1.0, -3.0]),
        "retain": known_model.says([-0.2, -0.4], [-0.2, -0.4]),
    }
    before = {
        "forget": torch.tensor([[-0.2, -0.3, -0.5], [-0.05, -0.15, 0.0]]),
        "alternative": torch.tensor([[-5.0, -3.0], [-2.0, -2.5]]),
    }
    says = SimpleNamespace(log_probs=lambda stream, batch: before[stream])
    batch = UnlearnBatch(streams, says)
    loss = AltPO(AltPO.Config()).loss(known_model, batch)
    assert loss.item() == pytest.approx(11.969622, abs=2e-6)
    alone = AltPO(AltPO.Config(retain_loss="none")).loss(known_model, batch)
    assert alone.item() == pytest.approx(11.669622, abs=2e-6)


def test_an_answer_ends_where_another_question_begins():
    assert cut("  In Rome.\nQ: and then?", ("\nQ:",)) == "In Rome."
    assert normalised("  In  ROME. ") == normalised("in rome")


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_it_trains_on_answers_of_the_target(context, tuning):
    work = context(tuning)
    values = {"alternatives": 2, "max_new_tokens": 4, "epochs": 1, "batch_size": 8, "lr": 1e-3}
    AltPO(AltPO.Config(**values, retain_loss="none")).unlearn(work)
    [split] = work.trainable("forget")
    made = [text for row in split.examples for text in row.alternatives["generated"]]
    assert len(split.examples) <= len(made) <= 2 * len(split.examples)
    assert work.report["alternatives"]["answers"] == len(made)
    assert work.log.losses[0] == pytest.approx(20 * math.log(2), abs=1e-4)


def test_no_answer_of_use(context):
    work = context("full")
    asked = Asked("{question}", 1, 1.0, 2, refused=lambda row, text: True)
    with pytest.raises(MethodError, match="none of 4 sampled answers was of use; a higher temper"):
        sampled_answers(work, work.trainable("forget"), asked)
    asked.fallback = lambda row: "Nothing."
    found = sampled_answers(work, work.trainable("forget"), asked)
    assert found.without == 5
    assert found.texts["secret"]["s0"] == ("Nothing.",)


def test_equal_questions_to_equal_weights_are_asked_once(context, monkeypatch):
    work = context("full")
    first = work.generate(["Who?"], 4, temperature=1.0)
    assert work.generate(["Who?"], 4, temperature=1.0, purpose="others") != [] != first
    monkeypatch.setattr("unharness.engines.hf.HfEngine.generate", None)  # nobody is asked again
    assert context("full").generate(["Who?"], 4, temperature=1.0) == first
    with torch.no_grad():
        next(work.model.parameters()).mul_(2)
    with pytest.raises(TypeError):
        work.generate(["Who?"], 4, temperature=1.0)


def test_answers_that_a_task_does_not_bring(context):
    data = context("full").splits
    require_streams(AltPO(AltPO.Config()), data, "my-task")
    with pytest.raises(UsageError, match="needs answers of kind 'perturbed'.*answers=generated"):
        require_streams(AltPO(AltPO.Config(answers="perturbed")), data, "my-task")
    split = data.splits["secret"]
    assert isinstance(split, Split)
    own = replace(split.examples[0], alternatives={"perturbed": ("Something else",)})
    brings = data.joined(split.with_examples([own]))
    require_streams(AltPO(AltPO.Config(answers="perturbed")), brings, "my-task")
