"""General knowledge: a suite of lm-eval on the weights in hand."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from unharness.engines.engine import Engine
from unharness.evaluation.columns import GENERAL_AVERAGE, GENERAL_PREFIX
from unharness.evaluation.metric import Score
from unharness.evaluation.suite import SuiteTask
from unharness.evaluation.suite_answers import chance_level, question_numbers
from unharness.evaluation.suite_definitions import lm_eval_version
from unharness.evaluation.suite_plan import SuitePlan
from unharness.evaluation.suite_sample import SEED, chosen_questions
from unharness.models.weights import WeightsRef
from unharness.progress import Progress
from unharness.records.per_example import PerExample, SplitNumbers
from unharness.records.record import SAMPLED, SAMPLED_OF

if TYPE_CHECKING:
    from unharness.model_types import LanguageModel

Z95 = 1.959964
TOLERANCE = 1e-9
"""Of a share, summed in another order."""
LOGITS = 2**28
"""Most logits of a forward pass on a CPU: 1 GiB in float32."""
CONTEXT = 1024
"""In tokens: what a long question takes."""


@dataclass(frozen=True)
class SuiteResult:
    """What a suite gave."""

    scores: dict[str, Score]
    """By metric: `general/<task>` for every task, and `general_avg`; %."""
    facts: dict[str, Any]
    """For the record: versions, shots, metrics, numbers of questions, chance levels."""
    numbers: PerExample = field(default_factory=dict)
    """What each question gave, %, a split a task; so that two models can be compared in pairs."""

    def sampled(self, name: str) -> dict[str, int]:
        """Return how many of how many questions a score is of; nothing where it is of all."""
        tasks = self.facts["tasks"]
        own = tasks.get(name.removeprefix(GENERAL_PREFIX))
        if own is not None:
            whole = own["n"] == own["n_original"]
            return {} if whole else {SAMPLED: own["n"], SAMPLED_OF: own["n_original"]}
        whole = all(one["n"] == one["n_original"] for one in tasks.values())
        return {} if whole else {SAMPLED: self.facts["limit"]}


def run_suite(
    weights: WeightsRef, plan: SuitePlan, engine: Engine, *, progress: Progress
) -> SuiteResult:
    """Ask a suite's questions.

    Likelihoods come from the model itself, text from the engine. lm-eval's request cache is not
    used: its key does not know the model.

    Args:
        weights: model and tokenizer in hand.
        plan: the suite, and how many of its questions are asked.
        engine: generates, where a task wants text.
        progress: told what is going on.
    """
    # Imported here: lm-eval takes seconds, and a run without a suite needs none of it.
    from lm_eval.evaluator import evaluate

    from unharness.evaluation.engine_lm import EngineLM

    each = "" if plan.limit is None else f", {plan.limit} each"
    with progress.stage(f"general knowledge ({plan.name}{each})"), _as_it_was(weights.model):
        lm = EngineLM(weights, engine, batch_size=_batch_size(weights.model))
        scores: dict[str, Score] = {}
        facts: dict[str, Any] = {}
        numbers: dict[str, SplitNumbers] = {}
        for task in plan.tasks:  # one by one, as each has its own number of shots
            loaded = _loaded(plan, task)
            sizes = {name: len(one.eval_docs) for name, one in loaded["tasks"].items()}
            asked = chosen_questions(sizes, plan.limit, by_size=_by_size(loaded, task))
            # `simple_evaluate` would also describe the machine: it runs git, whose errors reach
            # the terminal, and pip.
            found = evaluate(
                lm=lm,
                task_dict=_with_questions(loaded, asked),
                samples=asked,
                bootstrap_iters=0,
                log_samples=True,
                cache_requests=False,
            )
            name = GENERAL_PREFIX + task.name
            scores[name] = _score(found, task.name, task.metric)
            labels = [name, *[GENERAL_AVERAGE] * (task.averaged and not plan.same_questions)]
            numbers[name] = question_numbers(found["samples"], task.metric, labels)
            facts[task.name] = _facts(found, task, engine) | {
                "n_original": sum(sizes.values()),
                "data": plan.data_hash(task.name),
                "chance": chance_level(found["samples"], found["configs"], task.metric),
            }
    averaged = [scores[GENERAL_PREFIX + task.name] for task in plan.tasks if task.averaged]
    scores[GENERAL_AVERAGE] = _average(averaged, plan.same_questions)
    read = str(plan.data.folder) if plan.data else None
    made = {"suite": plan.name, "lm_eval": lm_eval_version(), "limit": plan.limit, "data": read}
    names = [task.name for task in plan.tasks if task.averaged]
    return SuiteResult(scores, made | {"averaged": names, "tasks": facts}, numbers)


def _loaded(plan: SuitePlan, task: SuiteTask) -> Any:
    """Return a task as lm-eval loads it, its shots and all seeds set as `simple_evaluate` does."""
    random.seed(SEED)
    np.random.seed(SEED)  # lm-eval's tasks draw from it
    torch.manual_seed(SEED)
    loaded = plan.manager.load([task.name])
    for one in loaded["tasks"].values():
        own = one.get_config("num_fewshot")
        shots = own if own == 0 or task.shots is None else task.shots
        one.set_config(key="num_fewshot", value=shots or 0)
        one.set_fewshot_seed(seed=SEED)
    return loaded


def _by_size(loaded: Any, task: SuiteTask) -> bool:
    """Return whether every question of a group counts alike, rather than every member."""
    group = loaded["groups"].get(task.name)
    uses = (group and group.aggregate_metric_list) or ()
    return all(use.weight_by_size for use in uses if use.metric == task.metric)


def _with_questions(loaded: Any, asked: Mapping[str, Sequence[int]]) -> Any:
    """Return what was loaded without the tasks that are asked nothing: lm-eval needs a question."""
    for group in loaded["groups"].values():
        for name in set(loaded["tasks"]) - set(asked):
            group.pop(name)
    return loaded | {"tasks": {name: loaded["tasks"][name] for name in asked}}


def _score(found: Mapping[str, Any], name: str, metric: str) -> Score:
    values = found["results"][name]
    value = _number(values.get(f"{metric},none", values.get(metric)))
    if value is None:
        given = ", ".join(key.split(",")[0] for key in values if "_stderr" not in key)
        return Score.missing(f"lm-eval gives no {metric} for {name} ({given})")
    by_task = [
        [_number(row.get(metric)) for row in rows if row["filter"] == "none"]
        for rows in found["samples"].values()
    ]
    stderr = _stderr(value, by_task)
    return _with_interval(
        100 * value, None if stderr is None else 100 * stderr, _counted(found, name)
    )


def _stderr(value: float, by_task: Sequence[Sequence[float | None]]) -> float | None:
    """Return the standard error of a mean; None where the value is none, or of one question.

    lm-eval itself gives a group none without its bootstrap.

    Args:
        value: the mean over all questions, or of a group over its members' means.
        by_task: what every question gave, by task.
    """
    known = [[one for one in values if one is not None] for values in by_task]
    every = [one for values in known for one in values]
    if len(every) < 2 or not all(known):
        return None
    if not math.isclose(np.mean(every), value, abs_tol=TOLERANCE):
        if not math.isclose(np.mean([np.mean(one) for one in known]), value, abs_tol=TOLERANCE):
            return None
        if all(len(one) > 1 for one in known):
            return math.sqrt(sum(np.var(one, ddof=1) / len(one) for one in known)) / len(known)
    return float(np.std(every, ddof=1)) / math.sqrt(len(every))


def _average(scores: Sequence[Score], same_questions: bool) -> Score:
    """Return the mean over tasks, each counting alike.

    Tasks of different questions are independent, and the squares of their errors add up. Of the
    same questions the errors themselves do: the widest that the interval can be. There is none
    where a task has none.
    """
    values = [score.value for score in scores if score.value is not None]
    if len(values) < len(scores) or not values:
        return Score.missing("a task of the suite has no value")
    mean = sum(values) / len(values)
    n = max(score.n for score in scores) if same_questions else sum(score.n for score in scores)
    errors = [score.stderr for score in scores if score.stderr is not None]
    if len(errors) < len(scores):
        return Score(mean, n)
    total = sum(errors) if same_questions else math.sqrt(sum(error**2 for error in errors))
    return _with_interval(mean, total / len(errors), n)


def _with_interval(value: float, stderr: float | None, n: int) -> Score:
    if stderr is None:
        return Score(value, n)
    ends = (max(0.0, value - Z95 * stderr), min(100.0, value + Z95 * stderr))
    return Score(value, n, ci95=ends, stderr=stderr)


def _facts(found: Mapping[str, Any], task: SuiteTask, engine: Engine) -> dict[str, Any]:
    name, shots = task.name, found["n-shot"]
    members = list(found["n-samples"])
    texts = any(found["configs"][key]["output_type"] == "generate_until" for key in members)
    return {
        "metric": task.metric,
        "version": found["versions"].get(name),
        "shots": shots.get(name, shots.get(members[0])),
        "n": _counted(found, name),
        "backend": engine.name if texts else "hf",
    }


def _counted(found: Mapping[str, Any], name: str) -> int:
    """Return the number of questions: the task's, or those of all members of a group."""
    samples = found["n-samples"]
    if name in samples:
        return int(samples[name]["effective"])
    return sum(int(item["effective"]) for item in samples.values())


def _number(value: Any) -> float | None:
    known = isinstance(value, int | float | np.number | np.bool_) and math.isfinite(value)
    return float(value) if known else None


def _batch_size(model: LanguageModel) -> int | str:
    """Return questions of a forward pass: what the GPU has room for, or what 1 GiB holds."""
    if model.device.type == "cuda":
        return "auto"
    vocabulary: int = model.config.vocab_size
    return max(4, min(64, LOGITS // (vocabulary * CONTEXT)))


@contextmanager
def _as_it_was(model: LanguageModel) -> Iterator[None]:
    """Leave the model in the mode it came in: HFLM switches to evaluation."""
    training = model.training
    try:
        yield
    finally:
        model.train(training)
