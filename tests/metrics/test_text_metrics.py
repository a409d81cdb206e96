"""Metrics of generated text: the reference's oracles, scripts, and what must hold."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from unharness import Example, Generated, Observed, Seen, Split, bundled_refusals, rouge_l_f1
from unharness_metrics.fluency import (
    FluencyNats,
    FluencyProbability,
    LinguisticScore,
    NgramEntropy,
    linguistic_parts,
    ngram_entropy,
)
from unharness_metrics.matching import ExactMatch, KeywordMatch
from unharness_metrics.refusals import Refusal
from unharness_metrics.rouge_text import KnowMem, RougeOfSets, RougeText, VerbMem, rouge_l
from unharness_metrics.text_likelihood import TextLikelihood

# reference/METRICS.md, section 12.
EXPECTED = "The miller of Orrin was painting two boats"
SAID = "The millers in Orrin painted two small boats yesterday"


@pytest.mark.parametrize(
    ("measure", "stemmed", "plain"),
    [
        ("recall", 75.0, 50.0),
        ("precision", 66.6667, 44.4444),
        ("f1", 70.5882, 47.0588),
    ],
)
@pytest.mark.parametrize("script", ["ascii", "unicode"])
def test_rouge_oracle(measure, stemmed, plain, script, texts):
    seen = texts((EXPECTED, SAID))
    for stemmer, wanted in ((True, stemmed), (False, plain)):
        metric = RougeText(measure=measure, stemmer=stemmer, script=script)
        assert metric.compute(seen, {}).value == pytest.approx(wanted, abs=5e-5)


@pytest.mark.parametrize(
    ("expected", "said", "wanted", "usual"),
    [
        ("Nils Ferrow", "Nils Ferrow, the miller", 50.0, 100.0),
        ("Nils Ferrow", "nils ferrow", 0.0, 100.0),
        ("blue red", "red blue", 50.0, 50.0),
        ("red red red", "red", 100.0, 100 / 3),
        ("One. Two.", "Two. One.", 100.0, 50.0),
        ("Orrin", "", 0.0, 0.0),
    ],
)
def test_rwku_s_rouge_is_of_sets_case_and_marks(expected, said, wanted, usual, texts):
    found = RougeOfSets().compute(texts((expected, said)), {}).value
    assert found == pytest.approx(wanted)
    assert RougeText().compute(texts((expected, said)), {}).value == pytest.approx(usual)


def test_a_script_that_the_ascii_words_do_not_see_is_unscored_and_not_0(texts):
    seen = texts(("Мельник из Оррина", "Мельник из Оррина"), ("a mill", "a mill"))
    found = RougeText().compute(seen, {})
    assert found.per_example == {"s": [None, 100.0]}
    assert found.n_unscored == 1
    assert rouge_l_f1("Мельник", "Мельник") == 0.0  # as the package has it
    assert RougeText(script="unicode").compute(seen, {}).per_example == {"s": [100.0, 100.0]}
    chinese = texts(("他住在东京", "他不住在北京"))
    assert RougeText(script="unicode").compute(chinese, {}).value == pytest.approx(80.0)


def test_an_empty_answer_is_unscored_and_an_empty_text_is_0(texts):
    for metric in (RougeText(), KnowMem(), VerbMem(), RougeOfSets(), ExactMatch(), KeywordMatch()):
        found = metric.compute(texts(("", "word"), ("a mill", "")), {})
        assert found.per_example == {"s": [None, 0.0]}
        assert (found.n, found.n_unscored) == (1, 1)


def test_knowmem_ends_before_the_next_question_and_has_no_stemmer(texts):
    found = KnowMem().compute(texts(("two boats", "two boats\n\nQuestion: what else?")), {})
    assert found.value == 100.0
    assert KnowMem().compute(texts(("two boats", "two boat")), {}).value == pytest.approx(50.0)
    assert KnowMem(stemmer=True).compute(texts(("boating", "boat")), {}).value == 100.0
    assert VerbMem().compute(texts(("a b c d", "a b")), {}).value == pytest.approx(200 / 3)


@pytest.mark.parametrize(
    ("answer", "said", "exact", "keyword"),
    [
        ("The Mill at Orrin", "mill at orrin.", 100.0, 100.0),
        ("Orrin", "She was born in Orrin, in 1920.", 0.0, 100.0),
        ("Orrin", "She was born in Orrington.", 0.0, 0.0),
        ("ＯＲＲＩＮ", "orrin", 100.0, 100.0),
        ("东京", "他住在东京。", 0.0, 100.0),
        ("red blue", "red and blue", 0.0, 0.0),
    ],
)
def test_matches(answer, said, exact, keyword, texts):
    assert ExactMatch().compute(texts((answer, said)), {}).value == exact
    assert KeywordMatch().compute(texts((answer, said)), {}).value == keyword


def test_other_right_answers_count_where_they_are_named(texts):
    seen = texts(("Orrin", "in Maleth"), alternatives=[{"alias": ("Maleth",)}])
    assert KeywordMatch().compute(seen, {}).value == 0.0
    assert KeywordMatch(also=("alias",)).compute(seen, {}).value == 100.0


def test_refusals(texts):
    said = [*bundled_refusals(), "I’m sorry, I don’t know that.", "I'M NOT SURE"]
    assert Refusal().compute(texts(*(("x", text) for text in said)), {}).value == pytest.approx(100)
    found = Refusal().compute(texts(("x", "I know: she was born in Orrin."), ("x", "")), {})
    assert found.per_example == {"s": [0.0, 0.0]}
    own = texts(("x", "Kein Kommentar!"), alternatives=[{"refusal": ("kein Kommentar",)}])
    assert Refusal().compute(own, {}).value == 100.0
    other = texts(("x", "Я не знаю"))
    assert Refusal().compute(other, {}).value == 0.0
    assert Refusal(phrases=("я не знаю",), builtin=False).compute(other, {}).value == 100.0


def test_entropy_oracle(texts):
    text = "the dog saw the dog near the old mill"
    assert ngram_entropy(text) == pytest.approx(2.788237, abs=5e-7)
    found = NgramEntropy().compute(texts(("x", text), ("x", "two words"), ("x", "")), {})
    assert (found.value, found.n_unscored) == (pytest.approx(2.788237, abs=5e-7), 2)
    assert ngram_entropy("a " * 50) == 0.0
    # Of four words, three 2-grams and two 3-grams, each once: log2 of their numbers.
    assert ngram_entropy("a b c d") == pytest.approx((2 / 3 * math.log2(3) + 4 / 3) / 2)


def test_entropies_of_the_oracle_s_parts(monkeypatch):
    text = "the dog saw the dog near the old mill"
    for n, wanted in ((2, 2.750000), (3, 2.807355)):
        monkeypatch.setattr("unharness_metrics.fluency.WEIGHTS", {n: 1.0})
        assert ngram_entropy(text) == pytest.approx(wanted, abs=5e-7)


def test_linguistic_oracle():
    parts = linguistic_parts(40, 28, 20, math.log(12))
    assert parts == pytest.approx((0.076923, 0.106339, 0.998955), abs=5e-7)
    assert 1 / parts[1] - 1 == pytest.approx(8.403890, abs=5e-7)
    assert parts[2] / (1 - parts[2]) == pytest.approx(956.376155, abs=5e-5)
    assert 3 / sum(1 / part for part in parts) == pytest.approx(0.128178, abs=5e-7)


def test_fluency_is_of_the_other_model_and_leaves_out_empty_texts(row):
    said = ["a b c a", "", "one"]
    rows = [[row((-1.0, -3.0))], [None], [row((0.0,))]]
    observed = {
        Generated(): Observed(texts={"samples": [[text] for text in said]}),
        TextLikelihood(): Observed.of_tokens(rows),
    }
    examples = tuple(Example(str(at), "?", "!") for at in range(3))
    seen = Seen(Split("s", "forget", examples=examples), observed)
    assert FluencyNats().compute(seen, {}).per_example == {"s": [2.0, None, 0.0]}
    found = FluencyProbability().compute(seen, {})
    assert found.value == pytest.approx(50 * (math.exp(-2) + 1))
    assert found.n_unscored == 1
    scores = LinguisticScore().compute(seen, {}).per_example["s"]
    assert scores[1:] == [None, 0.0]  # a single word has no richness
    parts = linguistic_parts(4, 3, 2, 2.0)
    assert scores[0] == pytest.approx(300 / sum(1 / part for part in parts))


sentences = st.text("ab мел京 .,", max_size=20)


@given(pairs=st.lists(st.tuples(sentences, sentences), min_size=1, max_size=5))
def test_bounds_and_symmetry(texts, pairs):
    seen = texts(*pairs)
    for metric in (RougeText(script="unicode"), RougeOfSets(), ExactMatch(), KeywordMatch()):
        found = metric.compute(seen, {})
        assert found.value is None or 0 <= found.value <= 100
        assert found.n + found.n_unscored == len(pairs)
    for one, other in pairs:
        recall = rouge_l(one, other, "recall", stemmer=False, script="unicode")
        precision = rouge_l(other, one, "precision", stemmer=False, script="unicode")
        if recall is not None and precision is not None:
            assert recall == pytest.approx(precision)


@given(one=st.text("ab cing9 .-", max_size=40), other=st.text("ab cing9 .-", max_size=40))
def test_rouge_is_that_of_its_package_to_the_last_bit(one, other):
    for stemmer in (False, True):
        right = RougeScorer(["rougeL"], use_stemmer=stemmer).score(one, other)["rougeL"]
        for measure, wanted in (
            ("recall", right.recall),
            ("precision", right.precision),
            ("f1", right.fmeasure),
        ):
            found = rouge_l(one, other, measure, stemmer=stemmer, script="ascii")
            assert found == wanted if found is not None else not re.search("[a-z0-9]", one)
    assert rouge_l_f1(one, other) == 100.0 * right_f1(one, other)


def right_f1(one, other):
    return RougeScorer(["rougeL"]).score(one, other)["rougeL"].fmeasure
