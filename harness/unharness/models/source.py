"""Base models: where they come from, what identifies them, and how they are loaded."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unharness.data.examples import Example
from unharness.data.recipe import Precision
from unharness.data.task_data import TaskData
from unharness.data.templates import CHAT, PLAIN
from unharness.errors import ModelError, UnknownNameError, reason_of
from unharness.hub import download, hub_name
from unharness.models.file_hashes import remembered_sha256
from unharness.models.loading import load_causal_lm
from unharness.models.preset import ModelPreset, Tuning
from unharness.progress import Progress
from unharness.registry import Registry

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from unharness.model_types import LanguageModel

# Not generation_config.json: every engine sets a checkpoint's own generation settings aside.
TOKENIZER_FILES = (
    *("config.json", "tokenizer*", "vocab*", "merges.txt", "*.model"),
    *("special_tokens_map.json", "added_tokens.json"),
    *("chat_template*", "additional_chat_templates/*"),
)
"""What a tokenizer is read from."""
IDENTITY_FILES = ("*.safetensors", "*.safetensors.index.json", *TOKENIZER_FILES)
MODEL_FILES = (*IDENTITY_FILES, "*.json")
"""What is fetched of a model on the hub."""
LOCAL: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
"""How transformers reads a folder."""


class ModelSource(ABC):
    """A model before it learns the task's facts."""

    name: str
    """As the user gave it, without a revision; shown, never an identity."""
    revision: str | None = None
    """The commit on the hub that it is of; None for a model from elsewhere."""
    tuning: Tuning
    """How it is tuned when the user does not say."""
    suite: str | None = None
    """The suite that measures its general knowledge when the user names none; None: the task's."""
    limit_train: int | None = None
    """How many examples of each split it learns when the user does not say; None for all."""
    precision: Precision | None = None
    """Of the arithmetic of training when the user does not say; None: what suits the device."""

    @abstractmethod
    def fingerprint(self, data: TaskData) -> str:
        """Return the SHA-256 of everything that decides the base weights and the tokenizer."""

    @abstractmethod
    def load(self, data: TaskData, dtype: str) -> tuple[LanguageModel, PreTrainedTokenizerBase]:
        """Return model and tokenizer, on the CPU, the weights in `dtype`."""

    @abstractmethod
    def config_and_tokenizer(self, data: TaskData) -> tuple[Any, PreTrainedTokenizerBase | None]:
        """Return the model's configuration, of transformers, and its tokenizer, without weights.

        Returns:
            Both; in place of the tokenizer None, where there is none.

        Raises:
            ModelError: there is no configuration that transformers knows.
        """

    def prepare(self, progress: Progress) -> None:  # noqa: B027 - most have nothing to fetch
        """Fetch what `load` needs, if it is not there yet. The default does nothing."""

    def template(self) -> str:
        """Return how questions and answers are joined when neither user nor task says."""
        return PLAIN

    def target_tuning(self, tuning: Tuning) -> Tuning:
        """Return how the target model learns, when unlearning will go by `tuning`."""
        return tuning

    def knowledge(self) -> tuple[Example, ...]:
        """Return what every model trained on this base learns besides the task's facts."""
        return ()


class PresetModel(ModelSource):
    """A model that a preset builds."""

    def __init__(self, preset: ModelPreset) -> None:
        self.name = preset.name
        self.tuning = preset.tuning
        self.suite = preset.suite
        self.limit_train = preset.limit_train
        self.precision = preset.precision
        self._preset = preset

    def fingerprint(self, data: TaskData) -> str:
        """Return the preset's own hash."""
        return self._preset.fingerprint(data)

    def prepare(self, progress: Progress) -> None:
        """Let the preset fetch what it needs."""
        self._preset.prepare(progress)

    def template(self) -> str:
        """Return the preset's own."""
        return self._preset.template

    def load(self, data: TaskData, dtype: str) -> tuple[LanguageModel, PreTrainedTokenizerBase]:
        """Build the model."""
        import torch

        model, tokenizer = self._preset.build(data)
        return model.to(getattr(torch, dtype)), _usable(tokenizer, self.name)

    def config_and_tokenizer(self, data: TaskData) -> tuple[Any, PreTrainedTokenizerBase | None]:
        """Ask the preset."""
        config, tokenizer = self._preset.config_and_tokenizer(data)
        return config, _usable(tokenizer, self.name)

    def target_tuning(self, tuning: Tuning) -> Tuning:
        """Return the preset's own choice, if it has one."""
        return self._preset.target_tuning or tuning

    def knowledge(self) -> tuple[Example, ...]:
        """Return what the preset wants its models to know."""
        return self._preset.knowledge()


class CheckpointModel(ModelSource):
    """A Hugging Face causal language model in a folder."""

    tuning: Tuning = "lora"

    def __init__(self, name: str, folder: Path, revision: str | None = None) -> None:
        self.name = name
        self.revision = revision
        self._folder = folder.resolve()
        self._known_as = name if revision else str(self._folder)
        _check_folder(name, folder)
        self._fingerprint: str | None = None

    def fingerprint(self, data: TaskData) -> str:
        """Return the hash of weights, configuration and tokenizer, file by file."""
        if self._fingerprint is None:
            digest = hashlib.sha256()
            paths = {path for pattern in IDENTITY_FILES for path in self._folder.glob(pattern)}
            for path in sorted(path for path in paths if path.is_file()):
                name = path.relative_to(self._folder).as_posix()
                digest.update(f"{name} {remembered_sha256(path)}\n".encode())
            self._fingerprint = digest.hexdigest()
        return self._fingerprint

    def template(self) -> str:
        """Return `chat` where the tokenizer brings a chat template."""
        return _folder_template(self._folder)

    def load(self, data: TaskData, dtype: str) -> tuple[LanguageModel, PreTrainedTokenizerBase]:
        """Load from the folder: safetensors only, no remote code."""
        try:
            tokenizer = self._tokenizer()
            model = load_causal_lm(self._folder, dtype)
        except ModelError:
            raise
        except Exception as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else ""
            raise ModelError(
                f"{self.name}: no causal language model that transformers can load from "
                f"{self._folder} ({type(error).__name__}: {reason})"
            ) from error
        # What a saved adapter says that it sits on.
        model.name_or_path, model.hub_revision = self._known_as, self.revision
        return model, tokenizer

    def config_and_tokenizer(self, data: TaskData) -> tuple[Any, PreTrainedTokenizerBase | None]:
        """Read them from the folder."""
        from transformers import AutoConfig

        try:
            config = AutoConfig.from_pretrained(str(self._folder), **LOCAL)
        except Exception as error:
            raise ModelError(
                f"{self.name}: no config that transformers knows ({reason_of(error)})"
            ) from error
        try:
            return config, self._tokenizer()
        except Exception:  # whatever a library makes of files that are missing or no tokenizer's
            return config, None

    def _tokenizer(self) -> PreTrainedTokenizerBase:
        return _folder_tokenizer(self._folder, self.name)


def find_base_model(name: str, registry: Registry) -> ModelSource:
    """Return the base model for a preset's name, a folder, `org/name` or `org/name@revision`.

    Raises:
        UnknownNameError: none of these.
        ModelError: the folder is no model, or the hub cannot be reached.
    """
    if name in registry.names("models"):
        return PresetModel(registry.get("models", name)())
    folder, commit = Path(name).expanduser(), None
    if folder.exists() and not folder.is_dir():
        raise ModelError(f"{name}: is a file; expected a folder with config.json and *.safetensors")
    if not folder.is_dir():
        wanted = hub_name(name)
        if wanted is None and ("/" in name or name.startswith((".", "~"))):
            raise ModelError(f"{name}: no such folder")
        if wanted is None:
            hint = "Or give a folder, or a hub id such as org/name."
            raise UnknownNameError("model", name, registry.names("models"), hint)
        folder, commit = download(wanted, MODEL_FILES)
        name = wanted.repository
    return CheckpointModel(name, folder, commit)


def find_tokenizer(
    name: str, data: TaskData, registry: Registry
) -> tuple[PreTrainedTokenizerBase, str]:
    """Return a model's tokenizer, and the template that is the model's own; no weights.

    Of a model on the hub nothing but the tokenizer's files is downloaded.

    Args:
        name: as for `find_base_model`.
        data: a preset may train its tokenizer on it.
        registry: knows the presets.

    Raises:
        UnknownNameError: there is no such model.
        ModelError: the hub cannot be reached, or the model has no tokenizer.
    """
    wanted = hub_name(name)
    if name not in registry.names("models") and not Path(name).expanduser().exists() and wanted:
        folder, _ = download(wanted, TOKENIZER_FILES)
        try:
            return _folder_tokenizer(folder, name), _folder_template(folder)
        except ModelError:
            raise
        except Exception as error:
            raise ModelError(f"{name}: it has no tokenizer ({reason_of(error)})") from error
    base = find_base_model(name, registry)
    tokenizer = base.config_and_tokenizer(data)[1]
    if tokenizer is None:
        raise ModelError(f"{name}: it has no tokenizer")
    return tokenizer, base.template()


def _folder_tokenizer(folder: Path, name: str) -> PreTrainedTokenizerBase:
    from transformers import AutoTokenizer

    return _usable(AutoTokenizer.from_pretrained(str(folder), **LOCAL), name)


def _folder_template(folder: Path) -> str:
    """Return `chat` where a folder's tokenizer brings a chat template."""
    if (folder / "chat_template.jinja").is_file():
        return CHAT
    try:
        config = json.loads((folder / "tokenizer_config.json").read_text("utf-8"))
    except (OSError, ValueError):
        return PLAIN
    return CHAT if isinstance(config, dict) and config.get("chat_template") else PLAIN


def _check_folder(name: str, folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise ModelError(f"{name}: no model: {folder} holds no config.json")
    if not any(folder.glob("*.safetensors")):
        raise ModelError(
            f"{name}: {folder} holds no *.safetensors; other formats are not read "
            "(save_pretrained(…, safe_serialization=True) writes them)"
        )


def _usable(tokenizer: PreTrainedTokenizerBase, name: str) -> PreTrainedTokenizerBase:
    """Make sure that the tokenizer has an end token, and something to pad with.

    Raises:
        ModelError: it has no end token.
    """
    if tokenizer.eos_token_id is None:
        raise ModelError(
            f"{name}: its tokenizer has no end token; set eos_token in tokenizer_config.json"
        )
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token  # padding is masked, so any token will do
    return tokenizer
