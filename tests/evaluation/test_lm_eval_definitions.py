"""What is asked of lm-eval's own definitions: a process reads 14,000 files once, so all is here."""

import math

import pytest

from unharness.engines.hf import HfEngine
from unharness.errors import DataError, UsageError
from unharness.evaluation.general import run_suite
from unharness.evaluation.suite_plan import plan_suite
from unharness.evaluation.suite_reach import check_reachable
from unharness.models.weights import WeightsRef
from unharness.pipeline.suite_choice import CPU_QUESTIONS, find_suite
from unharness.progress import Progress
from unharness.registry import registry
from unharness.request import make_request
from unharness_tasks.knowundo.paper_suite import Paper

pytestmark = pytest.mark.slow


def ask(model, tokenizer, plan):
    return run_suite(WeightsRef(model, tokenizer), plan, HfEngine(), progress=Progress())


def test_the_paper_s_suite_is_lm_eval_s_own_definitions():
    plan = plan_suite("paper", None, registry())
    index = plan.manager.task_index
    assert [task.name for task in plan.tasks] == [task.name for task in Paper.tasks]
    for task in plan.tasks:
        config = index[task.name].cfg
        listed = config.get("metric_list") or config.get("aggregate_metric_list")
        assert task.metric in {item["metric"] for item in listed}, task.name
        assert config["metadata"]["version"] is not None
    assert len(plan.identity["tasks"]) == 5


def test_without_the_hub_the_paper_s_suite_names_those_that_work():
    plan = plan_suite("paper", None, registry())
    with pytest.raises(DataError) as caught:
        check_reachable(plan, registry())
    assert "'paper'" in str(caught.value)
    assert "Suites that work offline: general-facts, none" in str(caught.value)


def test_lm_eval_s_tasks_by_name_and_what_is_unknown():
    plan = plan_suite("arc_easy, hellaswag", None, registry())
    assert [task.name for task in plan.tasks] == ["arc_easy", "hellaswag"]
    with pytest.raises(UsageError, match=r"'hellaswagg'.*hellaswag"):
        plan_suite("hellaswagg", None, registry())
    with pytest.raises(UsageError, match=r"'general-fact'.*general-facts"):
        plan_suite("general-fact", None, registry())


def test_a_folder_of_data_that_is_not_there_is_refused_in_one_line(main_here, tmp_path):
    words = ("--suite", "knowledge", "--suite-data", tmp_path / "x")
    code, out, err = main_here("run", "--data", "standin", *words)
    assert (code, out, len(err.splitlines())) == (1, "", 1), err


def test_they_are_asked_on_the_real_benchmarks(load_checkpoint, general_data):
    request = make_request({"suite": "knowledge", "suite_data": str(general_data)})
    plan = find_suite(request, "none", "cpu", registry())
    assert plan.limit == CPU_QUESTIONS
    plan = plan.asking(6)
    check_reachable(plan, registry())
    found = ask(*load_checkpoint("llama"), plan)
    asked = {name: (one["n"], one["n_original"]) for name, one in found.facts["tasks"].items()}
    assert asked == {
        "mmlu": (6, 14042),
        "arc_challenge": (6, 1172),
        "truthfulqa_mc1": (6, 817),
        "social_iqa": (6, 1954),
        "arc_easy": (6, 2376),
        "openbookqa": (6, 500),
        "piqa": (6, 1838),
        "winogrande": (6, 1267),
        "boolq": (6, 3270),
        "wmdp_bio": (6, 1273),
        "wmdp_chem": (6, 408),
        "wmdp_cyber": (6, 1987),
    }
    assert all(0 <= score.value <= 100 for score in found.scores.values())
    with pytest.raises(UsageError, match=r"'ai2_arc' is a tag of 2 lm-eval tasks.*arc_challenge"):
        plan_suite("ai2_arc", None, registry())
    named = "truthfulqa_mc2,boolq"
    other = plan_suite(named, None, registry()).reading(general_data, required=True)
    assert set(other.data.files) == set(named.split(","))
    check_reachable(other, registry())
    again = ask(*load_checkpoint("llama"), other.asking(5))
    mixed = again.scores["general/truthfulqa_mc2"]  # each question gives a share, not 0 or 1
    assert 0 < mixed.stderr < 100 * math.sqrt(mixed.value / 100 * (1 - mixed.value / 100) / 4)
