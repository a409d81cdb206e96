"""Inference wrappers: who asks the model goes through them, whatever the engine."""

from types import SimpleNamespace

import pytest

from unharness import Engine, Example, InferenceWrapper, Sampling, Split, WeightsRef
from unharness.data.prompts import Prompt
from unharness.errors import MethodError, RecordError
from unharness.evaluation.observer import ObserverContext
from unharness.models.inference import UnlearnedModel
from unharness.pipeline.stages.unlearn import _take_result, wrapper_of
from unharness.records.record import TrainingRecord


class Guard(InferenceWrapper):
    """Puts a word before every prompt, and refuses some answers."""

    word: str
    refused: tuple[str, ...] = ()

    def prompt(self, text):
        return f"{self.word} {text}"

    def respond(self, prompt, text):
        return "no" if prompt in self.refused else text


class Echo(Engine):
    name, summary = "echo", "Repeats its prompts."

    def load(self, weights):
        self.weights = weights

    def generate(self, prompts, sampling, on_done=None):
        return [f"<{prompt}>" for prompt in prompts]

    def close(self):
        """Hold nothing."""


def tokenizer(text, verbose=True):
    return {"input_ids": text.split()}


SPLIT = Split("eval", "forget", examples=(Example("a", "Who?", "She"), Example("b", "Why?", "So")))


def context(wrapper, instruction=""):
    weights = WeightsRef(None, tokenizer, wrapper)
    return ObserverContext(
        weights, Echo(), max_length=10, max_new_tokens=3, instruction=Prompt("p", instruction)
    )


def test_prompts_are_rewritten_and_answers_filtered_on_any_engine():
    work = context(Guard(word="Careful:", refused=("Why?",)))
    texts = work.generate(SPLIT, Sampling(), lambda *_: None)
    assert texts == ["<Careful: Who?\n\n>", "no"]
    assert [work.asked(row).prompt for row in SPLIT.examples] == ["Careful: Who?", "Careful: Why?"]
    # The answer keeps its share of the length.
    assert work.length(SPLIT.examples) == 11


def test_an_instruction_is_part_of_what_the_wrapper_sees():
    work = context(Guard(word="Careful:"), "Answer this.")
    assert work.asked(SPLIT.examples[0]).prompt == "Careful: Answer this.\n\nWho?"
    assert work.length(SPLIT.examples) == 10 + 2 + 1


def test_without_a_wrapper_nothing_changes():
    work = context(None)
    assert work.generate(SPLIT, Sampling(), lambda *_: None) == ["<Who?\n\n>", "<Why?\n\n>"]
    assert work.length(SPLIT.examples) == 10


def test_a_wrapper_comes_back_from_the_record():
    method = SimpleNamespace(name="guarded", Wrapper=Guard)
    kept = Guard(word="x", refused=("y",)).model_dump(mode="json")
    record = SimpleNamespace(run_id="r", training=TrainingRecord(wrapper=kept))
    assert wrapper_of(method, record) == Guard(word="x", refused=("y",))
    assert wrapper_of(method, SimpleNamespace(run_id="r", training=TrainingRecord())) is None
    for other in (None, InferenceWrapper):
        with pytest.raises(RecordError, match="is not one of method"):
            wrapper_of(SimpleNamespace(name="guarded", Wrapper=other), record)


def test_what_a_method_returns_is_checked():
    holder = SimpleNamespace(model="old")
    method = SimpleNamespace(name="m", Wrapper=None)
    assert _take_result(method, holder, None) is None
    assert _take_result(method, holder, UnlearnedModel(model="new")) is None
    assert holder.model == "new"
    with pytest.raises(MethodError, match="returned str; expected None or UnlearnedModel"):
        _take_result(method, holder, "model")
    with pytest.raises(MethodError, match="declare it in the class: Wrapper = Guard"):
        _take_result(method, holder, UnlearnedModel(wrapper=Guard(word="x")))
