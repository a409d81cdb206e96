"""Two models at once: divergence of predictions, token by token."""

from dataclasses import replace

import pytest
import torch

from unharness import (
    Engine,
    Example,
    InferenceWrapper,
    Likelihood,
    Observed,
    Paired,
    Seen,
    Split,
    UsageError,
)
from unharness.data.encoding import encode_examples
from unharness.evaluation.observer import ObserverContext
from unharness.models.weights import WeightsRef
from unharness.registry import registry

ROWS = (
    Example("0", "Who lives in Rome?", "Anna does.", alternatives={"perturbed": ("Ben.", "No.")}),
    Example("1", "Why?", "Because it has been raining since the day before."),
)
SPLIT = Split("s", "forget", examples=ROWS)


class Silent(Engine):
    name = summary = "silent"

    def load(self, weights): ...

    def generate(self, prompts, sampling, on_done=None):
        raise AssertionError("nothing is generated")

    def close(self): ...


class Instruction(InferenceWrapper):
    def prompt(self, text):
        return f"Be kind.\n\n{text}"


@pytest.fixture
def context(load_checkpoint) -> ObserverContext:
    model, tokenizer = load_checkpoint("llama")
    other, _ = load_checkpoint("llama")
    with torch.no_grad():
        other.lm_head.weight.mul_(1.5)
    models = {"target": WeightsRef(other, tokenizer)}
    return ObserverContext(
        WeightsRef(model, tokenizer), Silent(), 256, 7, reference_weights=models.get
    )


def observed(context, request, split=SPLIT) -> Observed:
    [part] = request.parts()
    observer = registry().get("observers", part.observer)()
    return observer.observe(context, split, part, lambda done, total: None)


def test_the_divergence_is_the_reference_s_from_the_model_at_every_scored_token(context):
    found = Seen(SPLIT, {Paired("target"): observed(context, Paired("target"))}).paired("target")
    likelihood = observed(context, Likelihood())
    for row, example, scored in zip(found, ROWS, likelihood.tokens, strict=True):
        [encoded] = encode_examples(context.tokenizer, [example], 256, end_token=False)
        ids = torch.tensor([encoded.input_ids])
        with torch.no_grad():
            q = context.model(ids).logits.log_softmax(-1)[0, encoded.answer_start - 1 : -1]
            p = context.reference("target").model(ids).logits.log_softmax(-1)
        p = p[0, encoded.answer_start - 1 : -1]
        wanted = (p.exp() * (p - q)).sum(-1)
        assert row[0] == pytest.approx(wanted.tolist(), abs=1e-5)
        assert len(row[0]) == len(scored[0].hits)
        assert min(wanted) > 1e-3


def test_a_model_does_not_diverge_from_itself(context):
    context.reference_weights = lambda name: context.weights
    rows = observed(context, Paired("base")).sequences("kl")
    assert [set(row[0]) for row in rows] == [{0.0}, {0.0}]


def test_kinds_of_answers_are_compared_by_variant(context):
    request = Paired("target", answers=("perturbed",))
    rows = Seen(SPLIT, {request: observed(context, request)}).paired("target", "perturbed")
    assert [len(row) for row in rows] == [2, 0]


def test_a_prompt_s_wrapper_is_the_model_s_own(context):
    plain = observed(context, Paired("target")).sequences("kl")
    wrapped = replace(context, weights=replace(context.weights, wrapper=Instruction()))
    with_it = observed(wrapped, Paired("target")).sequences("kl")
    assert [len(row[0]) for row in with_it] == [len(row[0]) for row in plain]
    assert with_it != plain


def test_windows_of_a_text_are_joined(context):
    text = Split("t", "forget", "text", examples=(Example("x", "", "a long word " * 30),))
    context.max_length = 16
    [[row]] = observed(context, Paired("target"), text).sequences("kl")
    [[scored]] = observed(context, Likelihood(), text).tokens
    assert len(row) == len(scored.hits) > 16


def test_a_reference_that_is_not_there_is_said(context):
    found = observed(context, Paired("retrained"))
    assert "needs the retrained model" in found.reason
    assert found.is_empty


def test_an_unknown_reference_is_refused():
    with pytest.raises(UsageError, match="unknown reference 'gold'"):
        Paired("gold")
