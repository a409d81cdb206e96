"""A suite on weights in hand, against lm-eval's own command line on the same weights."""

import json
import multiprocessing
import sys

import pytest
import torch

from unharness.data.general import asked_facts
from unharness.data.recipe import LoraSettings
from unharness.engines.engine import Engine
from unharness.engines.hf import HfEngine
from unharness.evaluation import general
from unharness.evaluation.general import _average, run_suite
from unharness.evaluation.metric import Score
from unharness.evaluation.suite import GeneralFacts
from unharness.evaluation.suite_plan import plan_suite
from unharness.evaluation.suite_sample import chosen_questions
from unharness.models.lora import add_adapter, merged
from unharness.models.weights import WeightsRef, save_weights
from unharness.progress import Progress
from unharness.registry import registry

pytestmark = pytest.mark.slow
LIMIT = 24


def ask(model, tokenizer, suite="general-facts", folder=None, limit=LIMIT, engine=None):
    plan = plan_suite(suite, folder, registry())
    return run_suite(
        WeightsRef(model, tokenizer),
        plan.asking(limit),
        engine or HfEngine(),
        progress=Progress(),
    )


def lm_eval_command(words):
    """Be `python -m lm_eval WORDS`."""
    from lm_eval.__main__ import cli_evaluate

    sys.argv = ["lm_eval", *words]
    cli_evaluate()


def test_it_is_what_lm_eval_s_command_line_gives(load_checkpoint, tmp_path):
    model, tokenizer = load_checkpoint("llama")
    found = ask(model, tokenizer)
    save_weights(model, tokenizer, tmp_path / "weights")
    command = ["--model", "hf", "--device", "cpu"]
    command += ["--model_args", f"pretrained={tmp_path / 'weights'},dtype=float32"]
    names = ",".join(task.name for task in GeneralFacts.tasks)
    command += ["--tasks", names, "--include_path", str(GeneralFacts.include_path)]
    asked = {
        task.name: chosen_questions({task.name: 150}, LIMIT)[task.name]
        for task in GeneralFacts.tasks
    }
    command += ["--samples", json.dumps(asked), "--batch_size", "8"]
    command += ["--output_path", str(tmp_path / "out")]
    # A process of its own, as it changes logging; forked, as torch is imported here.
    process = multiprocessing.get_context("fork").Process(target=lm_eval_command, args=(command,))
    process.start()
    process.join(300)
    assert process.exitcode == 0
    [path] = (tmp_path / "out").rglob("results_*.json")
    theirs = json.loads(path.read_text())
    for name, metric in (("general_facts", "acc"), ("general_facts_open", "exact_match")):
        ours = found.scores[f"general/{name}"]
        assert ours.value == pytest.approx(100 * theirs["results"][name][f"{metric},none"])
        stderr = theirs["results"][name][f"{metric}_stderr,none"]
        assert ours.stderr == pytest.approx(100 * stderr, rel=1e-6)
        facts = found.facts["tasks"][name]
        assert facts["version"] == theirs["versions"][name]
        assert facts["n"] == ours.n == LIMIT
        assert facts["n_original"] == 150
        assert facts["shots"] == 0
    assert found.facts["lm_eval"]


def test_batches_and_an_adapter_change_nothing(load_checkpoint, monkeypatch):
    model, tokenizer = load_checkpoint("qwen2")
    model = add_adapter(model, LoraSettings(dropout=0.5), seed=0)
    for name, value in model.named_parameters():
        if ".lora_B." in name:
            torch.nn.init.normal_(value, std=0.3, generator=torch.Generator().manual_seed(1))
    model.train()  # it must be put back as it was
    adapted = ask(model, tokenizer)
    assert model.training
    monkeypatch.setattr(general, "_batch_size", lambda model: 3)
    assert ask(model, tokenizer).scores == adapted.scores
    assert ask(merged(model), tokenizer).scores == adapted.scores


class Says(Engine):
    """Answers from a list, by question."""

    name = "says"
    summary = "s"

    def __init__(self, answers):
        self.answers = answers
        self.asked = []

    def load(self, weights):
        pass

    def generate(self, prompts, sampling, on_done=None):
        self.asked += prompts
        assert sampling.temperature == 0
        return [self.answers[prompt] for prompt in prompts]

    def close(self):
        pass


def test_open_questions_are_right_but_for_case_articles_and_punctuation(load_checkpoint):
    model, tokenizer = load_checkpoint("llama")
    facts = asked_facts()
    changes = [
        lambda right: right,
        lambda right: f"The {right.upper()}.\nWhat else?",
        lambda right: f" {right} ",
        lambda right: f"{right} and more",
        lambda right: f"\n{right}",
        lambda right: "",
    ]
    answers = {f"{fact.question}\n\n": changes[at % 6](fact.right) for at, fact in enumerate(facts)}
    engine = Says(answers)
    found = ask(model, tokenizer, limit=None, engine=engine).scores
    assert sorted(engine.asked) == sorted(answers)
    opened, average = found["general/general_facts_open"], found["general_avg"]
    assert opened.value == pytest.approx(50.0)
    chosen = found["general/general_facts"]
    assert average.value == pytest.approx((chosen.value + 50.0) / 2)
    # The same questions twice: no more of them, and no less of an error.
    assert average.n == opened.n == 150
    assert average.stderr == pytest.approx((chosen.stderr + opened.stderr) / 2)


class Parrot(Engine):
    """Says what it was asked, three times."""

    name = "parrot"
    summary = "s"

    def __init__(self):
        self.asked = []

    def load(self, weights):
        self.weights = weights

    def generate(self, prompts, sampling, on_done=None):
        self.asked.append((list(prompts), sampling))
        return [f"{prompt}STOP {prompt}" for prompt in prompts]

    def close(self):
        pass


def test_text_comes_from_the_engine(load_checkpoint, tmp_path):
    data = tmp_path / "data.json"
    rows = [{"question": "one", "answer": "one"}, {"question": "two", "answer": "three"}]
    data.write_text(json.dumps(rows))
    folder = tmp_path / "tasks"
    folder.mkdir()
    (folder / "echo.yaml").write_text(
        f"""\
task: echo
dataset_path: json
dataset_kwargs:
  data_files: {data}
output_type: generate_until
test_split: train
doc_to_text: "{{{{question}}}}"
doc_to_target: "{{{{answer}}}}"
generation_kwargs:
  until: ["STOP"]
  max_gen_toks: 7
  do_sample: false
metric_list:
  - metric: exact_match
    aggregation: mean
    higher_is_better: true
filter_list:
  - name: none
    filter:
      - function: take_first
metadata:
  version: 1.0
"""
    )
    model, tokenizer = load_checkpoint("llama")
    engine = Parrot()
    found = ask(model, tokenizer, "echo", folder, None, engine)
    [(prompts, sampling)] = engine.asked
    assert (sorted(prompts), sampling.max_new_tokens) == (["one", "two"], 7)
    assert engine.weights.model is model
    # The metric of a bare task name is the first that its definition names.
    assert found.scores["general/echo"].value == 50.0
    assert found.facts["tasks"]["echo"]["metric"] == "exact_match"
    assert found.scores["general_avg"].value == 50.0


def test_outside_a_repository_nothing_reaches_the_terminal(
    load_checkpoint, tmp_path, monkeypatch, capfd
):
    """lm-eval's own command asks git for a commit, and git's error would break the live display."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    model, tokenizer = load_checkpoint("llama")
    assert ask(model, tokenizer, limit=2).scores["general/general_facts"].n == 2
    output, errors = capfd.readouterr()
    assert "git" not in output + errors


def test_the_average_has_no_interval_where_a_task_has_none():
    known = Score(50.0, 10, ci95=(40.2, 59.8), stderr=5.0)
    average = _average([known, Score(100.0, 1)], same_questions=False)
    assert average.value == 75.0
    assert average.stderr is None
    assert average.ci95 is None
