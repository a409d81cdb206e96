"""Models trained on parts of a task's data: target models, and retrained ones.

Both go one way: the base model, the same recipe, the cache. Ten methods on one task train the
target once.
"""

from __future__ import annotations

import hashlib
import json
import random
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unharness.cache import cache_folder, cached_folder, damage, mark_used
from unharness.data.encoding import Encoded, encode_examples
from unharness.data.examples import Example, Split, content_hash
from unharness.data.recipe import FineTuneConfig, LoraSettings, Precision
from unharness.data.task_data import TaskData
from unharness.data.templates import PLAIN, effective_template
from unharness.errors import ModelError
from unharness.models.loading import load_causal_lm
from unharness.models.lora import adapter_key, add_adapter, is_adapted, load_adapter
from unharness.models.preset import Tuning
from unharness.models.source import ModelSource
from unharness.models.weights import save_weights
from unharness.progress import OnStep, Progress
from unharness.training import ranks
from unharness.training.kept_states import KeptStates
from unharness.training.log import TrainingLog

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from unharness.model_types import LanguageModel

VERSION = 5
"""Raised whenever the same key would give other weights."""
LOG_FILE = "training.json"
KIND = "models"
"""What they are called in the cache."""


@dataclass(frozen=True)
class TrainedModel:
    """A model that knows the facts of some splits."""

    model: LanguageModel
    tokenizer: PreTrainedTokenizerBase
    cached: bool
    """Whether it was there already."""
    log: dict[str, Any]
    """Of its training: steps, examples, tokens, seconds, losses, how many were cut."""


@dataclass(frozen=True)
class TrainingPlace:
    """Where and in what precision models are trained and kept."""

    device: str
    dtype: str
    """Of the base weights: `float32`, or `bfloat16` under an adapter."""
    max_length: int
    template: str = PLAIN
    """Of splits that name none."""
    precision: Precision = "float32"
    """Of the arithmetic of training; evaluation computes in the weights' own type."""

    @property
    def types(self) -> str:
        """Of weights and arithmetic, as a spec says it."""
        if self.precision == "float32":
            return self.dtype
        return f"{self.dtype}, {self.precision} autocast"


@dataclass(frozen=True)
class StartPoint:
    """A model that training starts from, other than the base model."""

    key: str
    """Identifies its weights."""
    load: Callable[[], tuple[LanguageModel, PreTrainedTokenizerBase]]
    """Returns model and tokenizer; the model as it is tuned further, with an adapter or without."""


@dataclass(frozen=True)
class FineTuner:
    """Trains a model on parts of a task's data, or finds it trained in the cache."""

    base: ModelSource
    data: TaskData
    tuning: Tuning
    lora: LoraSettings
    place: TrainingPlace
    progress: Progress
    knowledge: tuple[Example, ...] = ()
    """What is learned besides the splits."""
    start: StartPoint | None = None
    """What training starts from; None for the base model."""

    def trained(self, splits: Sequence[Split], recipe: FineTuneConfig, label: str) -> TrainedModel:
        """Return the start, by default the base model, fine-tuned on `splits` and `knowledge`.

        Where both are empty nothing is trained, and the weights are those of the start.
        The adapter of a LoRA-tuned model is returned on it, ready to be trained further.

        Args:
            splits: of the data, in the order that counts for the cache.
            recipe: how.
            label: what the progress is called.

        Raises:
            ModelError: the base cannot be loaded, or has no end token.
        """
        key = self.key(splits, recipe)
        states = KeptStates(key, self.progress.note)

        def build(folder: Path) -> None:
            with self.progress.stage(label) as stage:
                self._train(splits, recipe, folder, stage.step, states)

        # The first process decides for all: it alone builds, and needs the others for it.
        together = ranks.world_size() > 1 and not ranks.agree(
            ranks.is_leader() and not damage(cache_folder(KIND, key))
        )
        if together and not ranks.is_leader():
            self._train_along(splits, recipe)
        folder, cached = cached_folder(KIND, key, build, self.progress.note)
        states.clear()
        if together and ranks.is_leader():
            ranks.agree(True)
        return self._loaded(folder, cached)

    def find(self, splits: Sequence[Split], recipe: FineTuneConfig) -> TrainedModel | None:
        """Return the fine-tuned model if it is in the cache; nothing is trained."""
        folder = self.folder(splits, recipe)
        if damage(folder):
            return None
        mark_used(folder)
        return self._loaded(folder, cached=True)

    def folder(self, splits: Sequence[Split], recipe: FineTuneConfig) -> Path:
        """Return where the fine-tuned model is, or will be."""
        return cache_folder(KIND, self.key(splits, recipe))

    def key(self, splits: Sequence[Split], recipe: FineTuneConfig) -> str:
        """Return the hash of everything that decides the trained weights."""
        import torch
        import transformers

        parts = {
            "version": VERSION,
            "base": self.base.fingerprint(self.data),
            "data": [split.learned_hash() for split in splits],
            "template": self.place.template,
            "knowledge": content_hash(self.knowledge),
            "recipe": recipe.model_dump(),
            "tuning": self.tuning,
            "lora": adapter_key(self.lora, self.place.device) if self.tuning == "lora" else None,
            "device": self.place.device.split(":")[0],
            "dtype": self.place.dtype,
            "precision": self.place.precision,
            "max_length": self.place.max_length,
            "torch": torch.__version__,
            "transformers": transformers.__version__,
        }
        if self.start:
            parts["start"] = self.start.key
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    def _train(
        self,
        splits: Sequence[Split],
        recipe: FineTuneConfig,
        folder: Path,
        on_step: OnStep,
        states: KeptStates | None = None,
    ) -> None:
        if self.start:
            model, tokenizer = self.start.load()
        else:
            model, tokenizer = self.base.load(self.data, self.place.dtype)
            if self.tuning == "lora":
                model = add_adapter(model, self.lora, recipe.seed)
        model.to(self.place.device)
        log, truncated = fine_tune(
            model,
            tokenizer,
            splits,
            recipe,
            max_length=self.place.max_length,
            template=self.place.template,
            precision=self.place.precision,
            knowledge=self.knowledge,
            on_step=on_step,
            on_note=self.progress.note,
            kept_states=states,
        )
        save_weights(model, tokenizer, folder)
        content = asdict(log) | {"truncated": truncated, "splits": [split.name for split in splits]}
        (folder / LOG_FILE).write_text(json.dumps(content))

    def _train_along(self, splits: Sequence[Split], recipe: FineTuneConfig) -> None:
        """Train with the first of several processes, which keeps the model; wait until it did."""
        with tempfile.TemporaryDirectory(prefix="unharness-") as scratch:
            self._train(splits, recipe, Path(scratch), lambda *_: None)
        ranks.agree(True)

    def _loaded(self, folder: Path, cached: bool) -> TrainedModel:
        model, tokenizer = self._load(folder)
        log = json.loads((folder / LOG_FILE).read_text())
        return TrainedModel(model.to(self.place.device).eval(), tokenizer, cached, log)

    def _load(self, folder: Path) -> tuple[LanguageModel, PreTrainedTokenizerBase]:
        if self.start:
            model, tokenizer = self.start.load()
            model = model.unload() if is_adapted(model) else model
        else:
            model, tokenizer = self.base.load(self.data, self.place.dtype)
        if self.tuning == "lora":
            return load_adapter(model, str(folder)), tokenizer
        return load_causal_lm(folder, self.place.dtype), tokenizer


def fine_tune(
    model: LanguageModel,
    tokenizer: PreTrainedTokenizerBase,
    splits: Sequence[Split],
    recipe: FineTuneConfig,
    *,
    max_length: int,
    template: str,
    precision: Precision,
    knowledge: Sequence[Example] = (),
    on_step: OnStep | None = None,
    on_note: Callable[[str], None] = lambda text: None,
    kept_states: KeptStates | None = None,
) -> tuple[TrainingLog, int]:
    """Train a model in place on the answers of some splits, end tokens included.

    Where there is nothing to learn, the model stays as it is.

    Args:
        model: on its device; parameters with `requires_grad` are trained.
        tokenizer: the model's.
        splits: what is learned.
        recipe: how.
        max_length: in tokens.
        template: of splits that name none, and of `knowledge`.
        precision: of the arithmetic.
        knowledge: what is learned besides.
        on_step: told of every step.
        on_note: as for `train`.
        kept_states: where its state is kept, so that it can be resumed.

    Returns:
        What the training did, and how many examples were longer than `max_length`.

    Raises:
        ModelError: no answer begins within `max_length`, or the tokenizer has no end token.
    """
    if not splits and not knowledge:  # the base model, where nothing is to be learned
        return TrainingLog(), 0
    from unharness.training.likelihood import sequence_nll
    from unharness.training.loop import train
    from unharness.training.resumption import Resumable
    from unharness.training.steps import fine_tune_steps

    encoded = learned_rows(
        tokenizer, splits, max_length=max_length, template=template, knowledge=knowledge
    )
    if not encoded:
        return TrainingLog(), 0
    rows = [row for row in encoded if row.scored]
    if not rows:
        raise ModelError(f"no answer begins within {max_length} tokens")
    steps = fine_tune_steps(
        rows,
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        micro_batch_size=recipe.micro_batch_size,
        pad_token_id=tokenizer.pad_token_id,
        order=random.Random(recipe.seed),
    )
    log = train(
        model,
        steps,
        lambda current, batch: sequence_nll(current, batch).mean(),
        recipe,
        seed=recipe.seed,
        precision=precision,
        on_step=on_step,
        on_note=on_note,
        resumable=Resumable(kept_states.next()) if kept_states else None,
    )
    return log, sum(row.truncated for row in encoded)


def learned_rows(
    tokenizer: PreTrainedTokenizerBase,
    splits: Sequence[Split],
    *,
    max_length: int,
    template: str,
    knowledge: Sequence[Example] = (),
) -> list[Encoded]:
    """Return what `fine_tune` reads as tokens, end tokens included; some rows may score none."""
    encoded = [
        row
        for split in splits
        for row in encode_examples(
            tokenizer,
            split.examples,
            max_length,
            end_token=True,
            template=effective_template(split, template),
            kind=split.kind,
        )
    ]
    more = encode_examples(tokenizer, knowledge, max_length, end_token=True, template=template)
    return encoded + more


def training_log(content: Mapping[str, Any]) -> TrainingLog:
    """Return what a cached model's training did; an older version kept less of it."""
    names = {entry.name for entry in fields(TrainingLog)}
    return TrainingLog(**{name: content[name] for name in names & content.keys()})
