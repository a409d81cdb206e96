"""Inference wrappers: who asks the model goes through them, whatever the engine."""

from types import SimpleNamespace

import pytest

from unharness import Engine, Example, InferenceWrapper, Sampling, Split, WeightsRef
from unharness.errors import MethodError, RecordError
from unharness.evaluation.observer import ObserverContext
from unharness.models.inference import UnlearnedModel, chained
from unharness.pipeline.stages.plugin_result import take_result, wrapper_from


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


class Instruction(InferenceWrapper):
    """Puts a sentence before every prompt, and counts the answers that it passes on."""

    text: str

    def prompt(self, text):
        return f"{self.text}\n\n{text}"

    def respond(self, prompt, text):
        return f"{text} to {prompt}"


def context(wrapper):
    weights = WeightsRef(None, tokenizer, wrapper)
    return ObserverContext(weights, Echo(), max_length=10, max_new_tokens=3)


def test_prompts_are_rewritten_and_answers_filtered_on_any_engine():
    work = context(Guard(word="Careful:", refused=("Why?",)))
    texts = work.generate(SPLIT, Sampling(), lambda *_: None)
    assert texts == ["<Careful: Who?\n\n>", "no"]
    assert [work.asked(row).prompt for row in SPLIT.examples] == ["Careful: Who?", "Careful: Why?"]
    # The answer keeps its share of the length.
    assert work.length(SPLIT.examples) == 11


def test_the_wrapper_of_an_attack_is_asked_before_that_of_a_method():
    guard = Guard(word="Careful:", refused=("Answer this.\n\nWhy?",))
    work = context(chained(Instruction(text="Answer this."), guard))
    assert work.asked(SPLIT.examples[0]).prompt == "Careful: Answer this.\n\nWho?"
    assert work.length(SPLIT.examples) == 10 + 2 + 1
    texts = work.generate(SPLIT, Sampling(), lambda *_: None)
    assert texts == ["<Careful: Answer this.\n\nWho?\n\n> to Who?", "no to Why?"]


def test_one_wrapper_or_none_is_no_chain():
    guard = Guard(word="x")
    assert chained(None, None) is None
    assert chained(guard, None) is guard
    assert chained(None, guard) is guard


def test_without_a_wrapper_nothing_changes():
    work = context(None)
    assert work.generate(SPLIT, Sampling(), lambda *_: None) == ["<Who?\n\n>", "<Why?\n\n>"]
    assert work.length(SPLIT.examples) == 10


def test_a_wrapper_comes_back_from_the_record():
    method = SimpleNamespace(name="guarded", Wrapper=Guard)
    kept = Guard(word="x", refused=("y",)).model_dump(mode="json")
    assert wrapper_from(method, kept, "r") == Guard(word="x", refused=("y",))
    assert wrapper_from(method, None, "r") is None
    for other in (None, InferenceWrapper):
        with pytest.raises(RecordError, match="is not one of 'guarded'"):
            wrapper_from(SimpleNamespace(name="guarded", Wrapper=other), kept, "r")


def test_what_a_method_returns_is_checked():
    holder = SimpleNamespace(model="old")
    method = SimpleNamespace(name="m", Wrapper=None)
    assert take_result(method, holder, None) is None
    assert take_result(method, holder, UnlearnedModel(model="new")) is None
    assert holder.model == "new"
    with pytest.raises(MethodError, match="returned str; expected None or UnlearnedModel"):
        take_result(method, holder, "model")
    with pytest.raises(MethodError, match="declare it in the class: Wrapper = Guard"):
        take_result(method, holder, UnlearnedModel(wrapper=Guard(word="x")))
