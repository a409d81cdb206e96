"""Weights from outside: a checkpoint or an adapter, ours or not, by folder or hub id."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from unharness.data.recipe import LoraSettings
from unharness.data.task_data import TaskData
from unharness.errors import ModelError
from unharness.hub import download, hub_name
from unharness.models.lora import load_adapter
from unharness.models.preset import Tuning
from unharness.models.source import MODEL_FILES, CheckpointModel, ModelSource, find_base_model
from unharness.registry import Registry

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from unharness.model_types import LanguageModel

ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_FILE = "adapter_model.safetensors"


@dataclass(frozen=True)
class ExternalWeights:
    """Weights that this harness did not make, or made in another run."""

    given: str
    """As the user gave it."""
    folder: Path
    """Of an adapter or a checkpoint; a preset has none."""
    base: ModelSource
    kind: Tuning
    """`lora` for an adapter on `base`; `full` for a checkpoint, which is its own base."""
    revision: str | None = None
    """The commit on the hub that they are of; None for those from elsewhere."""

    @property
    def name(self) -> str:
        """The last part of what the user gave: a name for the row."""
        return Path(self.given).name or self.given

    def fingerprint(self, data: TaskData) -> str:
        """Return the SHA-256 of the weights' files, and of the base's."""
        digest = hashlib.sha256(self.base.fingerprint(data).encode())
        if self.kind == "lora":
            for name in (ADAPTER_CONFIG, ADAPTER_FILE):
                digest.update((self.folder / name).read_bytes())
        return digest.hexdigest()

    def lora_settings(self) -> LoraSettings:
        """Return rank, scale and dropout of an adapter.

        Raises:
            ModelError: it is another kind of adapter than LoRA.
        """
        config = json.loads((self.folder / ADAPTER_CONFIG).read_text(encoding="utf-8"))
        try:
            return LoraSettings(
                r=config["r"], alpha=config["lora_alpha"], dropout=config["lora_dropout"]
            )
        except (KeyError, TypeError, ValidationError) as error:
            raise ModelError(
                f"{self.given}: no LoRA adapter: {ADAPTER_CONFIG} lacks a rank, scale or dropout "
                "that can be used; merge it into its base, and give that"
            ) from error

    def load(
        self, data: TaskData, device: str, dtype: str
    ) -> tuple[LanguageModel, PreTrainedTokenizerBase]:
        """Return model and tokenizer, the model on its device and in evaluation mode.

        Raises:
            ModelError: the weights are none, or do not fit their base.
        """
        model, tokenizer = self.base.load(data, dtype)
        if self.kind == "lora":
            self._refuse_other_tokenizer(tokenizer)
            try:
                model = load_adapter(model, str(self.folder))
            except (RuntimeError, ValueError, KeyError, OSError) as error:
                reason = " ".join(str(error).split())[:200]
                raise ModelError(
                    f"{self.given}: the adapter does not fit {self.base.name} ({reason}); "
                    "give the model that it was trained on by --model"
                ) from error
        return model.to(device).eval(), tokenizer

    def _refuse_other_tokenizer(self, tokenizer: PreTrainedTokenizerBase) -> None:
        """Refuse an adapter that brings other tokens than its base has."""
        path = self.folder / "tokenizer.json"
        if not path.is_file():
            return
        try:
            vocabulary = json.loads(path.read_text(encoding="utf-8"))["model"]["vocab"]
        except (ValueError, KeyError, TypeError):
            return  # of another make; nothing can be compared
        own = tokenizer.get_vocab()
        if isinstance(vocabulary, dict) and any(
            own.get(token) != index for token, index in vocabulary.items()
        ):
            raise ModelError(
                f"{self.given}: the adapter's tokenizer is not that of {self.base.name}; "
                "give the model that it was trained on by --model"
            )


def find_weights(given: str, base: str | None, registry: Registry) -> ExternalWeights:
    """Return the weights in a folder, on the hub, or of a preset.

    Args:
        given: a folder, or a hub id, perhaps with `@revision`, or a preset's name.
        base: what an adapter sits on; None: what the adapter itself says.
        registry: knows the presets.

    Raises:
        ModelError: there are no weights, or an adapter's base is not to be found.
        UnknownNameError: the base is unknown.
    """
    folder, commit = Path(given).expanduser(), None
    if not folder.exists() and given in registry.names("models"):
        return ExternalWeights(given, folder, find_base_model(given, registry), "full")
    if not folder.is_dir():
        wanted = hub_name(given)
        if folder.exists() or wanted is None:
            raise ModelError(f"{given}: no such folder; expected a checkpoint or an adapter")
        folder, commit = download(wanted, MODEL_FILES)
        given = wanted.repository
    if not (folder / ADAPTER_CONFIG).is_file():
        own = CheckpointModel(given, folder, commit)
        return ExternalWeights(given, folder, own, "full", commit)
    if not (folder / ADAPTER_FILE).is_file():
        raise ModelError(f"{given}: an adapter without {ADAPTER_FILE}; other formats are not read")
    try:
        config = json.loads((folder / ADAPTER_CONFIG).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{given}: {ADAPTER_CONFIG} is not JSON ({error})") from error
    named = base or _base_beside(config, folder) or _base_of(config)
    if not named:
        raise ModelError(f"{given}: the adapter names no base; give it by --model")
    return ExternalWeights(given, folder, find_base_model(named, registry), "lora", commit)


def _base_beside(config: Any, folder: Path) -> str:
    """Return the folder of a base that lies within an adapter's own, as `./NAME`; else nothing."""
    named = config.get("base_model_name_or_path") if isinstance(config, dict) else None
    if not isinstance(named, str) or not named.startswith("./"):
        return ""
    beside = (folder / named).resolve()
    within = beside.is_relative_to(folder.resolve()) and beside.is_dir()
    return str(beside) if within else ""


def _base_of(config: Any) -> str:
    """Return what an adapter says that it sits on, at the commit that it names; else nothing."""
    named = config.get("base_model_name_or_path") if isinstance(config, dict) else None
    if not isinstance(named, str):
        return ""
    wanted, commit = hub_name(named), config.get("revision")
    if wanted and not wanted.revision and isinstance(commit, str) and not Path(named).is_dir():
        return wanted.at(commit)
    return named
