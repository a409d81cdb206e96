"""Suites of general knowledge: what they are, and what is refused before any training."""

import dataclasses
import subprocess
import sys
import types
from importlib import metadata

import pytest

from unharness import Suite, SuiteTask, hookimpl
from unharness.data.encoding import encode_examples
from unharness.data.general import general_examples, general_facts
from unharness.data.templates import SEPARATOR
from unharness.errors import DataError, UsageError
from unharness.evaluation.suite import NONE, GeneralFacts
from unharness.evaluation.suite_definitions import check_yaml
from unharness.evaluation.suite_plan import plan_suite
from unharness.evaluation.suite_reach import check_reachable
from unharness.registry import registry
from unharness_tasks.knowundo.paper_suite import Paper

YAML = """\
task: {name}
dataset_path: json
dataset_kwargs:
  data_files: {data}
output_type: multiple_choice
test_split: train
doc_to_text: "{{{{question}}}}"
doc_to_choice: ["yes", "no"]
doc_to_target: answer
metric_list:
  - metric: acc
metadata:
  version: 2.0
"""


@pytest.fixture
def folder(tmp_path):
    """A folder with a task of one's own, `mine`."""
    data = tmp_path / "data.json"
    data.write_text('[{"question": "Is it so?", "answer": 0}]')
    path = tmp_path / "tasks"
    path.mkdir()
    (path / "mine.yaml").write_text(YAML.format(name="mine", data=data))
    return path


def test_the_bundled_suite_says_what_it_asks():
    plan = plan_suite("general-facts", None, registry())
    assert plan.offline
    identity = plan.identity
    assert identity["name"] == "general-facts"
    asked = [(task["name"], task["shots"], task["metric"]) for task in identity["tasks"]]
    assert asked == [("general_facts", 0, "acc"), ("general_facts_open", 0, "exact_match")]
    assert [task["version"] for task in identity["tasks"]] == [2.0, 1.0]
    assert plan.same_questions
    assert "/" not in str(identity)  # content, no paths
    check_reachable(plan, registry())
    assert plan.identity == plan_suite("general-facts", None, registry()).identity


def test_none_is_no_suite():
    assert plan_suite(NONE, None, registry()) is None


def test_a_folder_of_one_s_own(folder):
    plan = plan_suite("mine", folder, registry())
    assert [task.name for task in plan.tasks] == ["mine"]
    assert not plan.bundled  # lm-eval's own thousands need not be looked through
    before = plan.identity
    check_reachable(plan, registry())
    text = (folder / "mine.yaml").read_text()
    (folder / "mine.yaml").write_text(text.replace('"no"', '"never"'))
    assert plan_suite("mine", folder, registry()).identity != before


def test_an_empty_suite_is_refused():
    with pytest.raises(UsageError, match="--suite is empty"):
        plan_suite(" , ", None, registry())


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        check_yaml(tmp_path / "gone")


@pytest.mark.parametrize(
    ("text", "line"),
    [("task: a\nmetric_list: [acc\nx: 1\n", 3), ("task: a\n\tx: 1\n", 2), ("a: b: c\n", 1)],
)
def test_broken_yaml_names_file_and_line(folder, text, line):
    (folder / "broken.yaml").write_text(text)
    with pytest.raises(DataError, match=rf"broken\.yaml, line {line}: not YAML"):
        plan_suite("mine", folder, registry())


def test_functions_in_yaml_are_no_fault(folder):
    (folder / "other.yaml").write_text("task: other\nprocess_docs: !function utils.process\n")
    check_yaml(folder)


@pytest.mark.parametrize("begin", [False, True])
def test_the_facts_are_asked_as_they_are_learned(make_tokenizer, begin):
    """lm-eval's context and continuation have the tokens of fine-tuning, cut at the same place."""
    tokenizer = make_tokenizer(begin=begin)
    for fact, example in list(zip(general_facts(), general_examples(), strict=True))[:40]:
        [learned] = encode_examples(tokenizer, [example], 256, end_token=False)
        context = tokenizer(fact.question)["input_ids"]
        whole = tokenizer(fact.question + SEPARATOR + fact.right)["input_ids"]
        assert tuple(whole) == learned.input_ids
        assert len(context) == learned.answer_start


def test_suites_are_classes_with_everything_a_listing_needs():
    for suite in (Paper, GeneralFacts):
        assert suite.name in registry().names("suites")
        assert all(dataclasses.is_dataclass(task) for task in suite.tasks)
    assert not Paper.offline
    assert GeneralFacts.include_path.is_dir()


def test_a_plugin_brings_a_suite_with_yaml_of_its_own(folder, monkeypatch):
    from unharness.registry import load_registry

    class Mine(Suite):
        name = "my-suite"
        summary = "One question."
        tasks = (SuiteTask("mine", 0),)
        include_path = folder

    module = types.ModuleType("unharness_test_suite")
    module.unharness_suites = hookimpl(lambda: [Mine])
    monkeypatch.setitem(sys.modules, module.__name__, module)
    point = metadata.EntryPoint("mine", module.__name__, "unharness")
    own = [
        point
        for point in metadata.entry_points(group="unharness")
        if point.dist and point.dist.name == "unharness"
    ]
    vars(point).update(dist=own[0].dist)
    found = load_registry([*own, point])
    assert "my-suite" in found.names("suites")
    plan = plan_suite("my-suite", None, found)
    assert [(task.name, task.shots) for task in plan.tasks] == [("mine", 0)]
    check_reachable(plan, found)


@pytest.mark.slow
def test_lm_eval_is_imported_where_a_suite_is_asked_alone():
    code = "import sys, unharness.pipeline.run; sys.exit('lm_eval' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)
