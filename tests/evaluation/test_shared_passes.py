"""One pass for every distinct string, and one for the prompt that several answers share."""

from collections import Counter

import pytest

from unharness import Choices, Example, Likelihood, Split
from unharness.data.encoding import Encoded
from unharness.evaluation import token_scoring
from unharness.evaluation.observer import ObserverContext
from unharness.evaluation.shared_prefix import Family, families
from unharness.evaluation.token_scoring import score_tokens
from unharness.models.attention import attends_to_all
from unharness.models.weights import WeightsRef
from unharness.registry import registry

ANSWERS = ("Anna does.", "Ben, since the day before yesterday.", "No.", "")
PROMPTS = ("Who lives in Rome these days?", "Where does the old miller of Orrin go?", "Why?")
ASKED = [
    Example(f"{prompt} {at}", prompt, answer)
    for prompt in PROMPTS
    for at, answer in enumerate(ANSWERS)
]


@pytest.fixture(params=["llama", "qwen2", "gpt_neox"])
def loaded(request, load_checkpoint):
    return load_checkpoint(request.param)


@pytest.fixture
def tokens(monkeypatch):
    """tokens(model) -> the numbers of tokens of every forward pass, from now on."""

    def watch(model):
        passed = []
        forward = model.forward

        def counting(*args, **kwargs):
            passed.append(int(kwargs["attention_mask"][:, -kwargs["input_ids"].shape[1] :].sum()))
            return forward(*args, **kwargs)

        monkeypatch.setattr(model, "forward", counting)
        return passed

    return watch


@pytest.mark.parametrize("cut", [False, True])
def test_shared_prompts_give_what_whole_strings_give(loaded, monkeypatch, tokens, cut):
    model, tokenizer = loaded
    max_length = len(tokenizer(PROMPTS[0])["input_ids"]) + 6 if cut else 256
    passed = tokens(model)
    shared = score_tokens(model, tokenizer, ASKED, max_length=max_length)
    with_prefixes = sum(passed)
    monkeypatch.setattr(token_scoring, "attends_to_all", lambda model: False)
    passed.clear()
    whole = score_tokens(model, tokenizer, ASKED, max_length=max_length)
    assert with_prefixes < sum(passed)
    assert [row is None for row in shared] == [row is None for row in whole]
    for one, other in zip(shared, whole, strict=True):
        if one is None:
            continue
        for name in ("log_probs", "means", "variances"):
            assert getattr(one, name) == pytest.approx(getattr(other, name), abs=1e-5, rel=1e-5)
        for name in ("hits", "argmax_text", "answer_text", "truncated", "leading_blanks"):
            assert getattr(one, name) == getattr(other, name)


def test_families_end_before_the_token_that_predicts_the_first_scored_one():
    rows = {
        0: Encoded((1, 2, 3, 4, 5, 6, 7), 6, False, 0),
        1: Encoded((1, 2, 3, 4, 5, 6, 8, 9), 6, False, 1),
        2: Encoded((1, 2, 3, 4, 5, 9), 5, False, 2),
        3: Encoded((1, 2, 3, 4, 5, 6), 5, False, 3),
        4: Encoded((1, 2, 3), 2, False, 4),
        5: Encoded((1, 2, 4), 2, False, 5),
    }
    prompts = {0: "a", 1: "a", 2: "b", 3: "c", 4: "d", 5: "d"}
    assert families(rows, prompts) == [Family((1, 2, 3, 4, 5), (0, 1))]
    both = families({0: rows[0], 2: rows[2]}, {0: "a", 2: "a"})
    assert both == [Family((1, 2, 3, 4), (0, 2))]


def test_a_sliding_window_is_not_shared(load_checkpoint):
    model, _ = load_checkpoint("llama")
    assert attends_to_all(model)
    model.config.sliding_window = 8
    assert not attends_to_all(model)


def observed(context, asked):
    """What the observers give for pairs of split and request."""
    found = {}
    for name in dict.fromkeys(request.observer for _, request in asked):
        pairs = [one for one in asked if one[1].observer == name]
        observer = registry().get("observers", name)()
        results = observer.observe_together(context, pairs, lambda done, total: None)
        found |= zip([(split.name, one) for split, one in pairs], results, strict=True)
    return found


def test_a_string_of_several_splits_and_requests_is_passed_once(load_checkpoint, monkeypatch):
    model, tokenizer = load_checkpoint("llama")
    rows = tuple(
        Example(
            prompt,
            prompt,
            "Anna does.",
            alternatives={"perturbed": ("Ben.", "Anna does."), "paraphrase": ("Ben.",)},
            choices=("Anna does.", "Nobody."),
            gold=0,
        )
        for prompt in PROMPTS
    )
    qa = Split("qa", "forget", examples=rows)
    again = Split("again", "retain", examples=rows[:1])
    quiz = Split("quiz", "utility", "choice", examples=rows)
    kinds = ("answer", "perturbed", "paraphrase")
    asked = [(qa, Likelihood(answers=(kind,))) for kind in kinds]
    asked += [(again, Likelihood()), (quiz, Likelihood()), (quiz, Choices())]
    scored = Counter()
    original = token_scoring.score_tokens

    def counting(model, tokenizer, examples, **options):
        scored.update((one.prompt, one.answer) for one in examples)
        return original(model, tokenizer, examples, **options)

    monkeypatch.setattr(token_scoring, "score_tokens", counting)
    context = ObserverContext(WeightsRef(model, tokenizer), None, 256, 7)
    found = observed(context, asked)
    assert set(scored.values()) == {1}
    assert len(scored) == len(PROMPTS) * 3
    assert len(found) == len(asked)
    for request, one in found.items():
        assert all(row is not None for variants in one.tokens for row in variants), request
    own = found["qa", Likelihood()].tokens
    assert [row[0].log_probs for row in own] == [
        row[0].log_probs for row in found["quiz", Choices()].tokens
    ]
