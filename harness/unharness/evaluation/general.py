"""General knowledge: a suite of lm-eval on the weights in hand."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from unharness.engines.engine import Engine
from unharness.evaluation.metric import Score
from unharness.evaluation.suite import SuiteTask
from unharness.evaluation.suite_plan import SuitePlan, lm_eval_version
from unharness.models.weights import WeightsRef
from unharness.progress import Progress

if TYPE_CHECKING:
    from unharness.model_types import LanguageModel

PREFIX, AVERAGE = "general/", "general_avg"
SEED = 1234
Z95 = 1.959964
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
    """For the record: versions, shots, metrics, numbers of questions."""


def run_suite(
    weights: WeightsRef,
    plan: SuitePlan,
    engine: Engine,
    *,
    limit: int | None,
    progress: Progress,
) -> SuiteResult:
    """Ask a suite's questions.

    Likelihoods come from the model itself, text from the engine. lm-eval's request cache is not
    used: its key does not know the model.

    Args:
        weights: model and tokenizer in hand.
        plan: the suite.
        engine: generates, where a task wants text.
        limit: only so many questions a task; None for all.
        progress: told what is going on.
    """
    # Imported here: lm-eval takes seconds, and a run without a suite needs none of it.
    from lm_eval.evaluator import evaluate

    from unharness.evaluation.engine_lm import EngineLM

    with progress.stage(f"general knowledge ({plan.name})"), _as_it_was(weights.model):
        lm = EngineLM(weights, engine, batch_size=_batch_size(weights.model))
        scores: dict[str, Score] = {}
        facts: dict[str, Any] = {}
        for task in plan.tasks:  # one by one, as each has its own number of shots
            # `simple_evaluate` would also describe the machine: it runs git, whose errors reach
            # the terminal, and pip.
            found = evaluate(
                lm=lm,
                task_dict=_loaded(plan, task),
                limit=limit,
                bootstrap_iters=0,
                log_samples=False,
                cache_requests=False,
            )
            scores[PREFIX + task.name] = _score(found, task.name, task.metric)
            facts[task.name] = _facts(found, task.name, task.metric, engine)
    scores[AVERAGE] = _average(list(scores.values()), plan.same_questions)
    return SuiteResult(scores, {"suite": plan.name, "lm_eval": lm_eval_version(), "tasks": facts})


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


def _score(found: Mapping[str, Any], name: str, metric: str) -> Score:
    values = found["results"][name]
    value = _number(values.get(f"{metric},none", values.get(metric)))
    if value is None:
        given = ", ".join(key.split(",")[0] for key in values if "_stderr" not in key)
        return Score.missing(f"lm-eval gives no {metric} for {name} ({given})")
    n = _counted(found, name)
    stderr = _number(values.get(f"{metric}_stderr,none", values.get(f"{metric}_stderr")))
    if stderr is None and n > 1:
        # Without its bootstrap lm-eval gives none for a group: of a share, it is known.
        stderr = math.sqrt(max(value * (1 - value), 0.0) / (n - 1))
    return _with_interval(100 * value, None if stderr is None else 100 * stderr, n)


def _average(scores: Sequence[Score], same_questions: bool) -> Score:
    """Return the mean over tasks, each counting alike.

    Tasks of different questions are independent, and the squares of their errors add up. Of the
    same questions the errors themselves do: the widest that the interval can be.
    """
    values = [score.value for score in scores if score.value is not None]
    if len(values) < len(scores) or not values:
        return Score.missing("a task of the suite has no value")
    errors = [score.stderr or 0.0 for score in scores]
    total = sum(errors) if same_questions else math.sqrt(sum(error**2 for error in errors))
    n = max(score.n for score in scores) if same_questions else sum(score.n for score in scores)
    return _with_interval(sum(values) / len(values), total / len(errors), n)


def _with_interval(value: float, stderr: float | None, n: int) -> Score:
    if stderr is None:
        return Score(value, n)
    ends = (max(0.0, value - Z95 * stderr), min(100.0, value + Z95 * stderr))
    return Score(value, n, ci95=ends, stderr=stderr)


def _facts(found: Mapping[str, Any], name: str, metric: str, engine: Engine) -> dict[str, Any]:
    samples = found["n-samples"]
    members = [key for key in samples if key == name or name in found.get("group_subtasks", {})]
    texts = any(found["configs"][key]["output_type"] == "generate_until" for key in members)
    return {
        "metric": metric,
        "version": found["versions"].get(name),
        "shots": found["n-shot"].get(name, found["n-shot"].get(next(iter(members), name))),
        "n": _counted(found, name),
        "n_original": sum(samples[key]["original"] for key in members),
        "backend": engine.name if texts else "hf",
    }


def _counted(found: Mapping[str, Any], name: str) -> int:
    """Return the number of questions: the task's, or those of all members of a group."""
    samples = found["n-samples"]
    if name in samples:
        return int(samples[name]["effective"])
    return sum(int(item["effective"]) for item in samples.values())


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


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
