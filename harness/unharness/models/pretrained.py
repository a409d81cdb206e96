"""Presets of pretrained models: fetched once, converted to safetensors, kept in the cache."""

from __future__ import annotations

import hashlib
import json
import tempfile
from abc import abstractmethod
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from unharness.cache import cache_folder, cached_folder
from unharness.data.task_data import TaskData
from unharness.errors import ModelError
from unharness.manifest import sha256_of
from unharness.models.preset import ModelPreset
from unharness.models.source import CheckpointModel
from unharness.progress import Progress

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from unharness.model_types import LanguageModel

KIND = "pretrained"
"""What they are called in the cache."""


class PretrainedPreset(ModelPreset):
    """A pretrained model that comes from one file. Derive from it and register the class."""

    source_sha256: ClassVar[str]
    """Of the file that the weights are made from."""
    size: ClassVar[str]
    """Of what is downloaded, as users are told it, for example `93 MB`."""

    @abstractmethod
    def download(self, folder: Path) -> Path:
        """Download into an empty folder; return the file that `source_sha256` is of.

        Raises:
            ModelError: it cannot be had.
        """

    @abstractmethod
    def unpack(self, given: Path, folder: Path) -> Path:
        """Return the file that `source_sha256` is of, from what a user has downloaded.

        Raises:
            ModelError: it is not in there.
        """

    @abstractmethod
    def convert(self, source: Path, folder: Path) -> None:
        """Write model and tokenizer into a folder, as `save_pretrained` does, in safetensors.

        Raises:
            ModelError: the file is damaged, or a package that reads it is missing.
        """

    def fingerprint(self, data: TaskData) -> str:
        """Return the hash of the source file and the version: the task's data play no part."""
        return self._key()

    def prepare(self, progress: Progress) -> None:
        """Fetch and convert the model, unless it is in the cache."""
        self.folder(progress)

    def folder(self, progress: Progress | None = None, given: Path | None = None) -> Path:
        """Return the folder of the model, which is fetched and converted when it is not there.

        Args:
            progress: told of the download and of a damaged entry.
            given: what the user has downloaded, in place of the download.

        Raises:
            ModelError: it cannot be had, is not the file that it should be, or cannot be read.
        """
        shown = progress or Progress()
        build = partial(self._build, given=given, progress=shown)
        return cached_folder(KIND, self._key(), build, shown.note)[0]

    def build(self, data: TaskData) -> tuple[LanguageModel, PreTrainedTokenizerBase]:
        """Return the model, on the CPU in float32, and its tokenizer."""
        return CheckpointModel(self.name, self.folder()).load(data, "float32")

    def config_and_tokenizer(self, data: TaskData) -> tuple[Any, PreTrainedTokenizerBase]:
        """Return them from the cache; nothing is fetched.

        Raises:
            ModelError: the model is not in the cache.
        """
        folder = cache_folder(KIND, self._key())
        if not folder.is_dir():
            raise ModelError(
                f"{self.name} is not fetched yet; unharness models fetch {self.name} does it"
            )
        return CheckpointModel(self.name, folder).config_and_tokenizer(data)

    def _key(self) -> str:
        parts = [KIND, self.name, self.version, self.source_sha256]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    def _build(self, folder: Path, *, given: Path | None, progress: Progress) -> None:
        with tempfile.TemporaryDirectory(prefix="unharness-") as scratch:
            source = self._source(Path(scratch), given, progress)
            with progress.stage(f"converting {self.name} (once)"):
                self.convert(source, folder)

    def _source(self, scratch: Path, given: Path | None, progress: Progress) -> Path:
        if given is None:
            progress.note(f"{self.name} is downloaded once ({self.size})")
            try:
                with progress.stage(f"downloading {self.name} ({self.size})"):
                    source = self.download(scratch)
            except ModelError as error:
                raise ModelError(
                    f"{self.name}: {error}. From a file that was downloaded elsewhere: "
                    f"unharness models fetch {self.name} --from FILE"
                ) from error
        else:
            source = self.unpack(given, scratch)
        if (found := sha256_of(source)) != self.source_sha256:
            again = "fetch the file anew" if given else "'pip cache purge'"
            fetch = f"unharness models fetch {self.name}" + " --from FILE" * bool(given)
            raise ModelError(
                f"{self.name}: {(given or source).name} is damaged or of another version: the "
                f"SHA-256 of {source.name} is {found[:12]}…, not {self.source_sha256[:12]}…; "
                f"{again}, then '{fetch}'"
            )
        return source
