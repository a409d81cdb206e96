"""What metrics and columns are said to mean."""

import math
import re
from pathlib import Path

import pytest

from unharness.errors import UnknownNameError
from unharness.evaluation.composites import FORMULAS
from unharness.registry import registry
from unharness.report.explanation import explain

BUILTIN = [entry.name for entry in registry().entries("metrics") if entry.plugin.builtin]
PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text("utf-8")


@pytest.mark.parametrize("name", BUILTIN)
def test_every_built_in_metric_has_a_formula_a_good_value_and_traps_of_its_own(name):
    metric = registry().get("metrics", name)
    for word in ("formula", "good", "traps"):
        assert vars(metric).get(word), f"{name}: {word}"
    assert isinstance(metric.traps, tuple)
    texts = [metric.formula, metric.good, *metric.traps]
    assert all(text == " ".join(text.split()) for text in texts)


@pytest.mark.parametrize("name", BUILTIN)
def test_what_a_text_names_is_there(name):
    metric = registry().get("metrics", name)
    texts = " ".join([metric.formula, metric.good, *metric.traps])
    known = {*BUILTIN, *metric.Params.model_fields, "rouge_score", "acc_norm"}
    values = str(metric.Params.model_json_schema())
    for word in re.findall(r"\b[a-z]{2,}(?:_[a-z]{2,})+\b(?!=)", texts):
        assert word in known or word in values, word
    for setting in re.findall(r"\b([a-z_]{2,})=[\"a-z]", texts):
        owners = [registry().get("metrics", one) for one in BUILTIN]
        assert any(setting in one.Params.model_fields for one in owners), setting


def test_the_page_on_metrics_names_every_built_in_metric():
    named = set(re.findall(r"`([a-z_0-9]+)`", PAGE))
    assert set(BUILTIN) - named <= {"rouge_l_forced", "logged_share"}


def test_every_kind_of_composite_is_explained():
    assert all(one.words and one.good and one.traps for one in FORMULAS.values())


def test_the_texts_numbers_are_right():
    """Numbers that texts of metrics state, computed."""
    from unharness_metrics.forget_quality import ForgetQuality, ForgetQualityD
    from unharness_metrics.sampling import LeakBound, clopper_pearson_upper

    floors = [math.log10(2) - math.log10(math.comb(2 * n, n)) for n in (40, 200, 400)]
    for floor in floors:
        assert f"{floor:.1f}".replace("-", "−") in " ".join(ForgetQuality.traps)
    assert f"{math.log10(0.05):.1f}".replace("-", "−") in ForgetQuality.good
    assert f"{100 * clopper_pearson_upper(0, 20, 0.01):.1f}%" in LeakBound.good
    from scipy.stats import kstwobign

    assert f"{kstwobign.isf(0.05):.2f} · √(2/n)" in ForgetQualityD.traps[0]


def test_a_metric_is_explained_with_the_columns_that_it_makes():
    [found] = explain("token_accuracy", registry())
    assert found["kind"] == "metric"
    assert found["unit"] == "%"
    assert "knowundo-privacy" in found["columns"]["unlearn_success"]


def test_a_column_is_explained_as_its_task_defines_it():
    [found] = explain("unlearn_success", registry(), "knowundo-privacy")
    assert found["value"].startswith("100 − token_accuracy")
    assert found["direction"] == "higher"
    assert found["explained"]["name"] == "token_accuracy"
    [found] = explain("forget_probability", registry(), "tofu:fraction=05")
    assert found["tasks"] == ["tofu"]
    [composite] = explain("success_avg", registry(), "knowundo-privacy")
    assert (composite["kind"], composite["composite"]) == ("composite", "mean")
    assert composite["of"] == ["unlearn_success", "retention_success"]
    assert composite["direction"] == "higher"


def test_columns_of_no_task_are_explained():
    for name in ("closeness", "closeness_forget_known", "general_avg", "general/mmlu"):
        [found] = explain(name, registry())
        assert found["formula"]
        assert found["traps"]


def test_a_name_that_is_neither_is_refused_with_what_is_near():
    with pytest.raises(UnknownNameError, match="Did you mean"):
        explain("unlearn_succes", registry())
    with pytest.raises(UnknownNameError):
        explain("no_such_thing", registry())


def test_the_command_shows_it_in_words(main_here):
    code, output, _ = main_here("explain", "unlearn_success", "--task", "knowundo-privacy")
    assert code == 0
    for part in ("100 − token_accuracy", "formula", "trap", "higher is better"):
        assert part in output
    code, _, errors = main_here("explain", "unlearn_succes")
    assert code == 2
    assert "Did you mean unlearn_success" in errors
