"""The target model of the conformance suites: the preset `micro`, taught `FACTS`, and cached."""

from __future__ import annotations

import copy
import gc
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from unharness.attacks.context import AttackContext
from unharness.data.examples import Split
from unharness.data.recipe import FineTuneConfig, LoraSettings
from unharness.data.task_data import TaskData
from unharness.models.inference import InferenceWrapper
from unharness.models.lora import add_adapter
from unharness.models.preset import Tuning
from unharness.models.source import PresetModel
from unharness.models.trained import FineTuner, StartPoint, TrainedModel, TrainingPlace
from unharness.models.weights import WeightsRef
from unharness.progress import Progress
from unharness.registry import registry
from unharness.testing.facts import FACTS
from unharness.unlearning.context import Tuner, UnlearnContext, readable_splits
from unharness.unlearning.method import Method

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from unharness.model_types import LanguageModel

MODEL = "micro"
MAX_LENGTH = 64
RECIPE = FineTuneConfig(epochs=20, lr=1e-2, batch_size=12, warmup_ratio=0.15)
_ADAPTER = LoraSettings()
_DEVICE = "cpu"


def micro_weights() -> WeightsRef:
    """Return the target model, a copy that may be changed, in evaluation mode on the CPU.

    It knows `FACTS`. It is trained once, in about two seconds, and kept in the cache.
    """
    found = _target()
    return WeightsRef(copy.deepcopy(found.model), found.tokenizer)


def micro_context(
    tuning: Tuning = "full",
    *,
    seed: int = 0,
    data: TaskData = FACTS,
    method: Method | None = None,
) -> UnlearnContext:
    """Return what a method is given: a copy of the target model, and the facts.

    Args:
        tuning: `full`, or `lora` with an adapter that has learned something.
        seed: the run's.
        data: splits that the method may read; `FACTS` is what the target knows.
        method: whose streams say which variants of answers are handed on; None for all.
    """
    model, tokenizer = _tunable(tuning)
    return UnlearnContext(
        model=model,
        tokenizer=tokenizer,
        splits=data if method is None else readable_splits(data, method),
        seed=seed,
        max_length=MAX_LENGTH,
        device=_DEVICE,
        tuner=_tuner(tuning),
        target_recipe=RECIPE,
    )


def micro_attack_context(
    weights: WeightsRef | None = None,
    *,
    seed: int = 0,
    data: TaskData = FACTS,
    wrapper: InferenceWrapper | None = None,
) -> AttackContext:
    """Return what an attack is given: a copy of the target, or of other weights, and the facts.

    Args:
        weights: what is attacked; None for the target.
        seed: the run's.
        data: the splits that the attack may read.
        wrapper: what the method left around the model.
    """
    found = weights or micro_weights()
    return AttackContext(
        model=copy.deepcopy(found.model),
        tokenizer=found.tokenizer,
        splits=data,
        seed=seed,
        max_length=MAX_LENGTH,
        device=_DEVICE,
        tuner=_tuner("full"),
        target_recipe=RECIPE,
        wrapper=wrapper,
    )


def _base() -> FineTuner:
    source = PresetModel(registry().get("models", MODEL)())
    place = TrainingPlace(_DEVICE, "float32", MAX_LENGTH)
    return FineTuner(source, FACTS, "full", _ADAPTER, place, Progress())


@lru_cache(maxsize=1)
def _target() -> TrainedModel:
    found = _base().trained(FACTS.learned(), RECIPE, "train the target of the conformance suites")
    # Every training collects garbage twice, and goes through all that torch is each time.
    gc.freeze()
    return found


def _tunable(tuning: Tuning) -> tuple[LanguageModel, PreTrainedTokenizerBase]:
    if tuning == "lora":
        return copy.deepcopy(_adapted()), _target().tokenizer
    found = micro_weights()
    return found.model, found.tokenizer


@lru_cache(maxsize=1)
def _adapted() -> LanguageModel:
    """Return the target with an adapter; peft takes longer to make one than to copy it."""
    import torch

    found = micro_weights()
    model = add_adapter(found.model, _ADAPTER, seed=0)
    generator = torch.Generator().manual_seed(1)
    for name, value in model.named_parameters():
        if ".lora_B." in name:  # at 0, half of the adapter has no gradient in the first step
            torch.nn.init.normal_(value, std=0.02, generator=generator)
    return model.eval()


def _tuner(tuning: Tuning) -> Tuner:
    def tune(
        start: Literal["base", "target"], splits: Sequence[Split], recipe: FineTuneConfig
    ) -> TrainedModel:
        base = _base()
        if start == "base":
            return base.trained(splits, recipe, "train base")
        key = base.key(FACTS.learned(), RECIPE)
        further = FineTuner(
            base.base,
            FACTS,
            tuning,
            _ADAPTER,
            base.place,
            Progress(),
            start=StartPoint(f"{key}/{tuning}/testing", lambda: _tunable(tuning)),
        )
        return further.trained(splits, recipe, "train target")

    return tune
