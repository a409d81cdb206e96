"""The models of the meta-evaluation: some learned the forget facts and some did not."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy

from unharness.data.recipe import FineTuneConfig
from unharness.data.task_data import TaskData
from unharness.engines.hf import HfEngine
from unharness.evaluation.columns import MetricColumn
from unharness.evaluation.example_numbers import example_numbers
from unharness.evaluation.observe import observe
from unharness.evaluation.observer import ObserverContext
from unharness.evaluation.requests import Generated, Likelihood
from unharness.evaluation.scoring import Observations, score
from unharness.evaluation.storage import StoredObservations, write_observations
from unharness.models.preset import ModelPreset
from unharness.models.source import PresetModel
from unharness.models.trained import fine_tune
from unharness.models.weights import WeightsRef
from unharness.pipeline.run_plan import RunPlan
from unharness.records.stage_specs import digest_of
from unharness.registry import registry
from unharness.report.closeness import between_retrained, harmonic_mean

TASK, FORGET = "knowundo-privacy", "forget_eval"
Pool = Literal["learned", "unlearned", "reference"]
Answers = Mapping[str, numpy.ndarray]
"""By way to ask, known or said: a number of each example, (n,), 0 to 1."""
KNOWS = {
    **dict.fromkeys(("token_accuracy", "exact_memorisation", "extraction_strength"), 1),
    **dict.fromkeys(("probability", "rouge_l", "rouge_l_forced"), 1),
    **dict.fromkeys(("answer_nats", "perplexity", "forget_quality"), -1),
    **dict.fromkeys(("forget_quality_d", "auc_retrained", "divergence"), 1),
}
"""By metric: 1 if a higher value means that more is known, -1 if a lower one does."""


@dataclass(frozen=True)
class Setting:
    """How one model of a pool is made; both pools have the same settings."""

    seed: int
    lr: float
    epochs: int
    hidden_size: int
    num_hidden_layers: int

    @classmethod
    def draw(cls, at: int, preset: ModelPreset) -> Setting:
        """Return the setting of the model with a number; the smallest recipes know only a part."""
        draw = random.Random(f"meta-evaluation {at}")
        recipe = registry().get("tasks", TASK)().target_recipe(preset.name)
        shape = preset.shape  # type: ignore[attr-defined]
        heads = shape["num_attention_heads"]
        return cls(
            seed=1000 + at,
            lr=recipe.lr * draw.choice((0.5, 0.75, 1.0, 1.25)),
            epochs=max(1, round(recipe.epochs * draw.choice((0.2, 0.3, 0.4)))),
            hidden_size=int(shape["hidden_size"] * draw.choice((0.75, 1.0)))
            // heads
            // 2
            * heads
            * 2,
            num_hidden_layers=max(1, shape["num_hidden_layers"] - draw.choice((0, 1))),
        )


class Pools:
    """Models that learned the forget facts, models that did not, and one to compare with."""

    def __init__(self, plan: RunPlan, work: Path) -> None:
        self.plan = plan
        # Other data, recipes or limits make other models.
        made_from = plan.spec.target.model_dump(mode="json") | {"limit": plan.spec.limit}
        self.folder = work / f"pools-{digest_of(made_from)[:12]}"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.columns = tuple(
            column
            for column in plan.columns
            if isinstance(column, MetricColumn)
            and column.split == FORGET
            and column.metric.name in KNOWS
        )
        self._gold: WeightsRef | None = None

    def path(self, pool: Pool, at: int) -> Path:
        """Return where a model's observations are, or will be."""
        return self.folder / f"{pool}-{at:03}.zip"

    def make(self, pool: Pool, at: int) -> float:
        """Train, observe and keep one model; return the seconds, 0 where it is there already."""
        path = self.path(pool, at)
        if path.exists():
            return 0.0
        started = time.perf_counter()
        weights = self.trained(pool, at)
        if pool == "reference":
            self._gold = weights
        found = self.observed(weights)
        scratch = path.with_suffix(f".{os.getpid()}")
        with scratch.open("wb") as handle:
            write_observations(found, handle)
        scratch.rename(path)
        return time.perf_counter() - started

    def trained(self, pool: Pool, at: int) -> WeightsRef:
        """Return a model of a pool; the reference has the task's own recipe and size."""
        plan, preset = self.plan, preset_of(self.plan)
        data = plan.data
        if pool == "reference":
            setting, recipe = None, plan.recipe.model_copy(update={"seed": 500 + at})
        else:
            setting = Setting.draw(at, preset)
            recipe = plan.recipe.model_copy(
                update={"seed": setting.seed, "lr": setting.lr, "epochs": setting.epochs}
            )
        model, tokenizer = _build(preset, data, setting)
        learned = data.learned() if pool == "learned" else data.learned(without="forget")
        fine_tune(
            model,
            tokenizer,
            learned,
            FineTuneConfig(**recipe.model_dump()),
            max_length=plan.place.max_length,
            template=plan.place.template,
            precision=plan.place.precision,
        )
        return WeightsRef(model.eval(), tokenizer)

    def observed(self, weights: WeightsRef) -> Observations:
        """Return what the metrics need to know of a model."""
        plan, settings = self.plan, self.plan.spec.evaluation
        context = ObserverContext(
            weights,
            HfEngine(),
            max_length=settings.max_length,
            max_new_tokens=settings.max_new_tokens,
            template=plan.place.template,
            reference_weights=lambda name: self.gold() if name == "retrained" else None,
        )
        return observe(
            context,
            plan.data.limited(plan.spec.limit),
            self.columns,
            registry(),
            bootstrap_seed=settings.bootstrap_seed,
        )

    def gold(self) -> WeightsRef:
        """Return the retrained model that others are paired with, made when it is first needed."""
        if self._gold is None:
            self._gold = self.trained("reference", 0)
        return self._gold

    def values(self, pool: Pool, at: int, gold: Observations) -> dict[str, float | None]:
        """Return a model's metrics by label, from what was kept of it."""
        found = self.observations(pool, at)
        scores = score(self.columns, found, registry(), {"retrained": [gold]})
        return {label: one.value for label, one in scores.items()}

    def answers(self, pool: Pool, at: int) -> Answers:
        """Return what a model knows and what it says of the forget split."""
        return example_numbers(self.observations(pool, at), {})[FORGET].answers

    def observations(self, pool: Pool, at: int) -> Observations:
        """Return what was kept of a model."""
        requests = [Likelihood(), Generated(), *(one.metric.observes() for one in self.columns)]
        seed = self.plan.spec.evaluation.bootstrap_seed
        return StoredObservations(self.path(pool, at)).load(requests, seed)

    def reference(self) -> Observations:
        """Return what was observed of the retrained model."""
        self.make("reference", 0)
        return self.observations("reference", 0)


def distances(own: Answers, retrained: Answers) -> dict[str, float]:
    """Return d of `closeness` on the forget set: how far a model is from the retrained one.

    With one retrained model and one target it orders models as closeness does, turned round.
    """
    return {
        f"closeness_forget_{way}": float(numpy.nanmean(numpy.abs(own[way] - retrained[way])))
        for way in own
    }


def forget_closeness(own: Answers, retrained: Sequence[Answers], target: Answers) -> float:
    """Return the forget side of closeness in %: the harmonic mean of what is known and said.

    Args:
        own: of the model.
        retrained: of two or more retrained models.
        target: of the target model.
    """
    parts = []
    for way, values in own.items():
        rows = numpy.stack([one[way] for one in retrained])
        middle = rows.mean(axis=0)
        floor = float(numpy.nanmean(between_retrained(rows)))
        away, far = (float(numpy.nanmean(numpy.abs(one - middle))) for one in (values, target[way]))
        parts.append(min(1.0, max(0.0, 1 - (away - floor) / (far - floor))))
    return 100.0 * float(harmonic_mean(parts))


def preset_of(plan: RunPlan) -> ModelPreset:
    """Return the preset of the plan's model."""
    preset: ModelPreset = registry().get("models", plan.base.name)()
    return preset


def _build(preset: ModelPreset, data: TaskData, setting: Setting | None) -> tuple[Any, Any]:
    """Return a model with random weights of its seed, and the task's tokenizer."""
    import torch
    from transformers import LlamaForCausalLM

    model, tokenizer = PresetModel(preset).load(data, "float32")
    if setting is None:
        return model, tokenizer
    config = model.config
    config.intermediate_size = config.intermediate_size * setting.hidden_size // config.hidden_size
    config.hidden_size = setting.hidden_size
    config.head_dim = setting.hidden_size // config.num_attention_heads
    config.num_hidden_layers = setting.num_hidden_layers
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(setting.seed)
        return LlamaForCausalLM(config), tokenizer
