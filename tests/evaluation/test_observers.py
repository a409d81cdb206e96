"""The built-in observers: what is asked of the model, variant by variant."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy
import pytest

from unharness import (
    Choices,
    DataOrigin,
    Engine,
    Example,
    Generated,
    Generation,
    InferenceWrapper,
    Likelihood,
    Metric,
    MetricUse,
    Observation,
    Observed,
    Observer,
    Seen,
    Split,
    TaskData,
    UsageError,
)
from unharness.evaluation.columns import resolve_columns
from unharness.evaluation.observe import observe
from unharness.evaluation.observer import ObserverContext
from unharness.evaluation.scoring import score
from unharness.evaluation.token_scoring import score_tokens
from unharness.models.weights import WeightsRef
from unharness.registry import PluginInfo, load_registry, registry

EXAMPLES = (
    Example(
        "0",
        "Who lives in Rome?",
        "Anna does.",
        alternatives={"perturbed": ("Ben does.", "Nobody at all."), "paraphrase": ("It is Anna.",)},
        prompts={"paraphrase": ("Who is in Rome?", "Rome is whose home?")},
        choices=("Anna", "Ben", "the whole family of the miller"),
        gold=0,
    ),
    Example("1", "Why?", "Because.", choices=("Yes", "No"), gold=1),
)


class Echo(Engine):
    """Says what it was asked, and how."""

    name = "echo"
    summary = "s"

    def load(self, weights):
        self.loads = getattr(self, "loads", 0) + 1

    def generate(self, prompts, sampling, on_done=None):
        self.calls = [*getattr(self, "calls", []), len(prompts)]
        if on_done:
            on_done(len(prompts), len(prompts))
        return [
            f"{text}|t={sampling.temperature}|s={sampling.seed}|n={sampling.max_new_tokens}"
            for text in prompts
        ]

    def close(self):
        pass


@pytest.fixture
def context(load_checkpoint) -> ObserverContext:
    return ObserverContext(
        WeightsRef(*load_checkpoint("llama")), Echo(), max_length=256, max_new_tokens=7
    )


def seen(context: ObserverContext, request: Observation, split: Split) -> Seen:
    observed = {
        part: registry()
        .get("observers", part.observer)()
        .observe(context, split, part, lambda done, total: None)
        for part in request.parts()
    }
    return Seen(split, observed)


def direct(context: ObserverContext, prompt: str, answer: str) -> Any:
    [row] = score_tokens(
        context.model, context.tokenizer, [Example("x", prompt, answer)], max_length=256
    )
    return row


def test_every_pair_of_prompt_and_answer_kind_is_scored_by_variant(context):
    request = Likelihood(prompts=("prompt", "paraphrase"), answers=("answer", "perturbed"))
    found = seen(context, request, Split("s", "forget", examples=EXAMPLES))
    assert [len(rows) for rows in found.likelihood()] == [1, 1]
    assert [len(rows) for rows in found.likelihood("perturbed")] == [2, 0]
    assert [len(rows) for rows in found.likelihood("perturbed", "paraphrase")] == [4, 0]
    wanted = direct(context, "Rome is whose home?", "Ben does.")  # prompts outside, answers inside
    row = found.likelihood("perturbed", "paraphrase")[0][2]
    assert row.answer_text == wanted.answer_text
    assert row.log_probs == pytest.approx(wanted.log_probs, abs=1e-5)
    with pytest.raises(KeyError):
        found.likelihood("paraphrase")  # not asked for


def test_choices_are_scored_as_a_whole_and_per_token(context):
    found = seen(context, Choices(), Split("s", "forget", kind="choice", examples=EXAMPLES))
    first, second = found.choices()
    rows = [direct(context, EXAMPLES[0].prompt, text) for text in EXAMPLES[0].choices]
    assert first.sums == pytest.approx([sum(row.log_probs) for row in rows], abs=1e-4)
    means = [sum(row.log_probs) / len(row.log_probs) for row in rows]
    assert first.means == pytest.approx(means, abs=1e-4)
    assert first.best_by_mean == max(range(3), key=means.__getitem__)
    assert first.best_by_sum == max(range(3), key=list(first.sums).__getitem__)
    assert (first.gold, second.gold) == (0, 1)


def test_an_example_without_choices_has_none(context):
    plain = (Example("0", "a", "b"), EXAMPLES[1])
    found = seen(context, Choices(), Split("s", "forget", kind="choice", examples=plain))
    assert found.choices()[0] is None
    assert found.choices()[1] is not None


def test_samples_have_seeds_of_their_own_and_one_is_greedy(context):
    split = Split("s", "forget", examples=EXAMPLES)
    found = seen(context, Generated(samples=3, temperature=0.8), split)
    assert [text.split("|")[1:] for text in found.texts(2)] == [["t=0.8", "s=2", "n=7"]] * 2
    assert len({found.texts(sample)[0] for sample in range(3)}) == 3
    [text, _] = seen(context, Generated(), split).texts()
    assert text == "Who lives in Rome?\n\n|t=0.0|s=0|n=7"
    assert context.engine.loads == 1  # a start of an engine can take a minute


def test_text_ends_at_the_splits_stops(context):
    split = Split("s", "forget", examples=EXAMPLES, generation=Generation(stops=("|", "?")))
    assert seen(context, Generated(), split).texts() == ["Who lives in Rome", "Why"]


def test_a_split_may_say_how_many_tokens(context):
    split = Split("s", "forget", examples=EXAMPLES, generation=Generation(3))
    assert all("|n=3" in text for text in seen(context, Generated(), split).texts())


class Instruction(InferenceWrapper):
    def prompt(self, text):
        return f"Be kind.\n\n{text}"


def test_what_a_wrapper_adds_to_prompts_costs_no_answer(context):
    split = Split("s", "forget", examples=EXAMPLES)
    plain = context.weights
    context.weights = replace(plain, wrapper=Instruction())
    context.max_length = 40
    [with_it, _] = [rows[0] for rows in seen(context, Likelihood(), split).likelihood()]
    context.weights = plain
    [without, _] = [rows[0] for rows in seen(context, Likelihood(), split).likelihood()]
    assert len(with_it.log_probs) == len(without.log_probs)
    assert with_it.log_probs != without.log_probs


@pytest.mark.parametrize(
    "options", [{"samples": 0}, {"samples": 2, "temperature": 0.0}, {"temperature": -1.0}]
)
def test_impossible_requests_are_refused(options):
    with pytest.raises(UsageError):
        Generated(**options)


def test_equal_requests_are_one_and_different_ones_have_other_keys():
    assert Generated() == Generated(samples=1, temperature=0.0)
    assert Generated(samples=2).temperature == 1.0
    requests = [Likelihood(), Likelihood(answers=("perturbed",)), Generated(), Generated(2)]
    assert len({request.key() for request in [*requests, Choices()]}) == 5
    assert Likelihood().key() == Likelihood().key()


@dataclass(frozen=True)
class Lengths(Observation):
    """A request of a plugin's own."""

    observer: ClassVar[str] = "lengths"
    of: str = "prompt"


class LengthsObserver(Observer):
    name = summary = "lengths"

    def observe(self, context, split, request, on_done):
        texts = [getattr(row, request.of) for row in split.examples]
        return Observed({"lengths": numpy.array([len(text) for text in texts])})


class MeanLength(Metric):
    name = summary = "mean-length"
    unit, direction = "letters", "lower"

    class Params(Metric.Params):
        of: str = "prompt"

    def observes(self):
        return Lengths(self.params.of)

    def compute(self, seen, references):
        return seen.mean(seen.observed[self.observes()].arrays["lengths"].tolist())


def test_a_plugin_brings_an_observer_and_a_metric_of_it(context):
    found = load_registry()
    plugin = PluginInfo("mine", "mine", "1", "mine")
    found.add("observers", LengthsObserver, plugin)
    found.add("metrics", MeanLength, plugin)
    assert plugin.errors == []
    split = Split("s", "forget", examples=EXAMPLES)
    data = TaskData.of([split], DataOrigin("path", "by hand"))
    uses = [MetricUse("mean-length"), MetricUse("mean-length", "s", label="answers", of="answer")]
    columns = resolve_columns(uses, data.splits, found)
    seen_all = observe(context, data, columns, found, bootstrap_seed=0)
    assert len(seen_all.observed) == 2
    scores = score(columns, seen_all, found)
    assert {label: one.value for label, one in scores.items()} == {
        "mean-length_s": (18 + 4) / 2,
        "answers": (10 + 8) / 2,
    }


def generated(context, splits, *uses):
    """Texts by split and request, all observed as a run does."""
    found = load_registry()
    found.add("metrics", Texts, PluginInfo("mine", "mine", "1", "mine"))
    data = TaskData.of(splits, DataOrigin("path", "by hand"))
    columns = resolve_columns(uses or [MetricUse("texts")], data.splits, found)
    seen_all = observe(context, data, columns, found, bootstrap_seed=0)
    return {
        (name, request.samples): one.texts["samples"]
        for (name, request), one in seen_all.observed.items()
    }


class Texts(Metric):
    name = summary = "texts"
    unit, direction = "letters", "lower"

    class Params(Metric.Params):
        samples: int = 1

    def observes(self):
        return Generated(self.params.samples)

    def compute(self, seen, references):
        return seen.mean([len(text) for text in seen.texts()])


def texts_of(number: int) -> tuple[Example, ...]:
    return tuple(Example(str(n), f"Question {n} of {number}", "x") for n in range(number))


def test_splits_with_equal_settings_are_one_call_of_the_engine(context):
    splits = [
        Split("a", "forget", examples=texts_of(2)),
        Split("b", "retain", examples=texts_of(3), generation=Generation(stops=(" of",))),
        Split("c", "retain", examples=texts_of(4), generation=Generation(max_new_tokens=3)),
        Split("d", "holdout", learned=False, examples=texts_of(5), generation=None),
        Split("e", "retain", "completion", examples=texts_of(6)),
    ]
    told = []
    found = generated(context, splits)
    assert context.engine.calls == [2 + 3 + 6, 4]
    assert {name: len(rows) for (name, _), rows in found.items()} == {
        "a": 2,
        "b": 3,
        "c": 4,
        "e": 6,
    }
    assert found["a", 1][1] == ["Question 1 of 2\n\n|t=0.0|s=0|n=7"]
    assert found["b", 1] == [[f"Question {n}"] for n in range(3)]  # its own stops, on all texts
    assert found["c", 1][0] == ["Question 0 of 4\n\n|t=0.0|s=0|n=3"]
    assert found["e", 1][0] == ["Question 0 of 6|t=0.0|s=0|n=7"]
    registry().get("observers", "generation")().observe_together(
        context,
        [(split, Generated()) for split in splits[:3]],
        lambda *done: told.append(done),
    )
    assert told == [(5, 9), (9, 9)]


def test_samples_are_drawn_split_by_split_and_beside_greedy_texts(context):
    splits = [Split(name, "forget", examples=texts_of(2 + n)) for n, name in enumerate("ab")]
    splits = [splits[0], replace(splits[1], learned=False)]
    uses = [MetricUse("texts"), MetricUse("texts", label="drawn", samples=3)]
    found = generated(context, splits, *uses)
    assert sorted(context.engine.calls) == [2, 2, 2, 3, 3, 3, 5]
    assert [len(row) for row in found["b", 3]] == [3, 3, 3]
    assert found["b", 3][2][1] == "Question 2 of 3\n\n|t=1.0|s=1|n=7"
    assert len(found["a", 1]) == 2
