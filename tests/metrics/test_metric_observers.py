"""The observers that metrics bring: gradients, and text under another model."""

import math

import pytest
import torch

from unharness import Engine, Example, Generated, Split
from unharness.evaluation.observer import ObserverContext
from unharness.models.weights import WeightsRef
from unharness.registry import registry
from unharness_metrics.gradient_norm import GradientNorm, gradient_norms
from unharness_metrics.text_likelihood import TextLikelihood

ROWS = (
    Example("0", "Who lives in Rome?", "Anna does."),
    Example("1", "Why?", "Because it has been raining since the day before."),
    Example("2", "What?", ""),
)
SPLIT = Split("s", "forget", examples=ROWS)
TEXTS = ["Anna lives there.", "", "Nothing at all."]


class Says(Engine):
    name = summary = "says"

    def load(self, weights): ...

    def generate(self, prompts, sampling, on_done=None):
        return TEXTS[: len(prompts)]

    def close(self): ...


@pytest.fixture
def context(load_checkpoint):
    model, tokenizer = load_checkpoint("llama")
    other, _ = load_checkpoint("llama")
    with torch.no_grad():
        other.lm_head.weight.mul_(1.5)
    models = {"base": WeightsRef(other, tokenizer)}
    return ObserverContext(
        WeightsRef(model, tokenizer), Says(), 256, 7, reference_weights=models.get
    )


def observe(context, request):
    observer = registry().get("observers", request.observer)()
    return observer.observe(context, SPLIT, request, lambda done, total: None)


def test_gradient_norms_by_hand(context):
    model, tokenizer = context.model, context.tokenizer
    for one in model.parameters():
        one.requires_grad_(False)
    found = gradient_norms(observe(context, GradientNorm()))
    assert not any(one.requires_grad for one in model.parameters())
    assert all(one.grad is None for one in model.parameters())
    wanted = []
    for row in ROWS[:2]:
        ids = tokenizer(f"{row.prompt}\n\n{row.answer}", return_tensors="pt").input_ids
        start = len(tokenizer(row.prompt).input_ids)
        labels = ids.clone()
        labels[:, :start] = -100
        model.requires_grad_(True)
        model(input_ids=ids, labels=labels).loss.backward()
        norms = [0.0 if one.grad is None else one.grad.norm().item() for one in model.parameters()]
        wanted.append(sum(norms) / len(norms))
        model.zero_grad()
    model.requires_grad_(False)
    assert found[:2] == pytest.approx(wanted, rel=1e-4)
    assert found == gradient_norms(observe(context, GradientNorm()))


def test_an_answer_without_a_scored_token_has_no_gradient(context):
    split = Split("s", "forget", examples=(Example("2", "", ""),))
    observer = registry().get("observers", "gradient_norm")()
    found = observer.observe(context, split, GradientNorm(), lambda done, total: None)
    assert gradient_norms(found) == [None]


def test_texts_are_scored_by_the_other_model_after_their_prompts(context):
    assert TextLikelihood().parts() == (Generated(), TextLikelihood())
    [written, _, _] = observe(context, Generated()).texts["samples"]
    assert written == [TEXTS[0]]
    rows = [row for [row] in observe(context, TextLikelihood()).tokens]
    assert rows[1] is None
    other = context.reference("base")
    [wanted] = other.score(SPLIT, [Example("0", ROWS[0].prompt, TEXTS[0])], lambda *_: None)
    assert rows[0].log_probs == pytest.approx(wanted.log_probs, rel=1e-5)
    [own] = context.score(SPLIT, [Example("0", ROWS[0].prompt, TEXTS[0])], lambda *_: None)
    assert not math.isclose(sum(rows[0].log_probs), sum(own.log_probs), rel_tol=1e-3)


def test_without_the_other_model_nothing_is_observed(context):
    found = observe(context, TextLikelihood("retrained"))
    assert "needs the retrained model, which is not in the cache" in found.reason
