"""A folder of weights that plain peft and transformers load."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from unharness.errors import UsageError
from unharness.models.external import ADAPTER_CONFIG
from unharness.models.lora import is_adapted, merged
from unharness.models.weights import WeightsRef, save_weights

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

BASE_FOLDER = "base"
"""Within the folder: the base model of an adapter that no hub has."""
RECORD_COPY = "unharness-record.json"
CARD = "README.md"


@dataclass(frozen=True)
class Layout:
    """What lies in an exported folder."""

    kind: Literal["adapter", "full"]
    base: str | None = None
    """Of an adapter: the hub id of its base; None where the base lies in `base/`."""
    revision: str | None = None
    """The commit of the base on the hub."""
    merged: bool = False
    """Whether an adapter was merged into the weights."""


def prepared(folder: Path) -> Path:
    """Return a folder to write to, made if it is not there.

    Raises:
        UsageError: something lies in it.
        OSError: it cannot be made.
    """
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"--to {folder}: is not empty; give a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def write_checkpoint(
    weights: WeightsRef, folder: Path, *, max_new_tokens: int, merge: bool = False
) -> Layout:
    """Write weights, tokenizer and generation settings, safetensors only.

    An adapter is written as peft does. Its base is named where it is the hub's own at a known
    commit; any other (a preset, a folder, a target that was trained whole) is written to `base/`.

    Args:
        weights: the model cannot be used afterwards; a wrapper is no part of it.
        folder: empty.
        max_new_tokens: of an answer, as it was evaluated.
        merge: whether an adapter is merged into its base, and whole weights are written.

    Raises:
        OSError: it cannot be written.
    """
    model, tokenizer = weights.model, weights.tokenizer
    adapted = is_adapted(model)
    if not adapted or merge:
        save_weights(merged(model), tokenizer, folder)
        _write_generation(tokenizer, folder, max_new_tokens)
        return Layout("full", merged=adapted)
    save_weights(model, tokenizer, folder)
    base = model.get_base_model()
    name, revision = base.name_or_path, getattr(base, "hub_revision", None)
    _write_generation(tokenizer, folder, max_new_tokens)
    if revision is not None:
        return Layout("adapter", name, revision)
    save_weights(model.unload(), tokenizer, folder / BASE_FOLDER)
    _name_base(folder / ADAPTER_CONFIG)
    return Layout("adapter")


def publish(scratch: Path, folder: Path) -> None:
    """Move what was written beside the folder into it."""
    for path in scratch.iterdir():
        shutil.move(str(path), folder / path.name)


def scratch_beside(folder: Path) -> tempfile.TemporaryDirectory[str]:
    """Return a temporary folder on the same file system."""
    return tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-")


def _name_base(path: Path) -> None:
    """Let an adapter say that its base lies beside it, and not where it was on this machine."""
    config = json.loads(path.read_text(encoding="utf-8"))
    config |= {"base_model_name_or_path": f"./{BASE_FOLDER}", "revision": None}
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _write_generation(
    tokenizer: PreTrainedTokenizerBase, folder: Path, max_new_tokens: int
) -> None:
    """Write how answers were generated: greedily, up to the evaluation's length."""
    from transformers import GenerationConfig

    GenerationConfig(
        do_sample=False,
        max_new_tokens=max_new_tokens,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    ).save_pretrained(str(folder))
