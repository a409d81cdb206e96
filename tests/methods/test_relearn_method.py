"""ReLearn as a method: a worked example, and the answers that it trains."""

import math
from types import SimpleNamespace

import pytest
import torch

from unharness import UnlearnBatch, UsageError
from unharness.unlearning.stream_check import require_streams
from unharness_methods.relearn import ReLearn


def bernoulli_kl(one, other):
    return one * math.log(one / other) + (1 - one) * math.log((1 - one) / (1 - other))


def with_divergence(p, wanted):
    """Return q below p with KL(q ‖ p) as wanted, by bisection."""
    low, high = 1e-9, p
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if bernoulli_kl(middle, p) > wanted else (low, middle)
    return low


def test_a_worked_example(known_model):
    streams = {
        "forget": known_model.says([-0.25, -0.25]),
        "retain": known_model.says([-0.2, -0.4]),
    }
    own = known_model.table.detach()[streams["retain"].input_ids[0, :2]].clone()
    reference = torch.empty_like(own)
    for row, token in enumerate(streams["retain"].input_ids[0, 1:]):
        q = with_divergence(math.exp(own[row, token]), 0.05)
        reference[row] = math.log((1 - q) / (own.shape[1] - 1))
        reference[row, token] = math.log(q)
    says = SimpleNamespace(scored_logits=lambda stream, batch: reference)
    batch = UnlearnBatch(streams, says)
    terms = [one.item() for one in ReLearn(ReLearn.Config()).loss_terms(known_model, batch)]
    assert terms == pytest.approx([0.25, 0.30, 0.05], abs=1e-5)
    loss = ReLearn(ReLearn.Config(kl_weight=2)).loss(known_model, batch)
    assert loss.item() == pytest.approx(0.65, abs=1e-5)


@pytest.mark.parametrize(("tuning", "answers"), [("full", "vague"), ("lora", "refusal")])
def test_it_trains_on_new_answers(context, tuning, answers):
    work = context(tuning)
    values = {"alternatives": 1, "max_new_tokens": 4, "epochs": 1, "batch_size": 8, "lr": 1e-3}
    ReLearn(ReLearn.Config(answers=answers, **values)).unlearn(work)
    [split] = work.trainable("forget")
    assert all(row.alternatives[answers] for row in split.examples)
    assert ("answers" in work.report) == (answers == "vague")
    assert math.isfinite(work.log.losses[0])


def test_answers_that_leak_give_way_to_refusals(context):
    work = context("full")
    work.generate = lambda questions, *given, **options: [
        question.replace("Question ", "Answer ").rpartition("\n")[2].strip("?")
        for question in questions
    ]
    made = ReLearn(ReLearn.Config())
    made.prepare(work)
    assert work.report["answers"]["examples_without"] > 0
    [split] = work.trainable("forget")
    assert split.examples[0].alternatives["vague"] != (split.examples[0].answer,)


def test_questions_that_a_task_lacks(context):
    data = context("full").splits
    require_streams(ReLearn(ReLearn.Config()), data, "my-task")
    with pytest.raises(UsageError, match="needs questions of kind 'paraphrase'"):
        require_streams(ReLearn(ReLearn.Config(questions="paraphrase")), data, "my-task")
    streams = ReLearn(ReLearn.Config(retain_weight=0, kl_weight=0)).streams()
    assert set(streams) == {"forget"}
