"""Unlearned weights in the cache: the adapter, or the tensors that a method changed.

Another prompt, limit, metric or number of samples asks the same weights again, and trains nothing.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unharness.cache import (
    MANIFEST_FILE,
    cache_dir,
    cache_folder,
    cached_folder,
    damage,
    locked,
    mark_used,
)
from unharness.cache_limit import UNLEARNED, make_room
from unharness.models.lora import is_adapted
from unharness.models.states import is_adapter_state, with_state
from unharness.models.weights import tuned_state

if TYPE_CHECKING:
    from unharness.model_types import LanguageModel

KIND = UNLEARNED
WEIGHTS_FILE = "changed.safetensors"
FACTS_FILE = "facts.json"


@dataclass(frozen=True)
class StoredWeights:
    """What a method made of a target, as the cache holds it."""

    tensors: Mapping[str, Any]
    """By name; a tensor that is not here is the target's own."""
    facts: Mapping[str, Any]
    """JSON values that the writer gave."""

    def put_into(self, model: LanguageModel) -> LanguageModel:
        """Return a target model with the stored tensors; it loses an adapter that has no part.

        Raises:
            KeyError: a stored tensor is not one of the model's.
        """
        if is_adapted(model) and is_adapter_state(self.tensors):
            return with_state(model, self.tensors)
        if is_adapted(model):
            model = model.unload().requires_grad_(True)
        missing = sorted(set(self.tensors) - set(model.state_dict()))
        if missing:
            raise KeyError(missing[0])
        model.load_state_dict(dict(self.tensors), strict=False)
        return model


def tensor_digests(model: LanguageModel) -> dict[str, str]:
    """Return a digest of each tuned tensor, to find out later which of them changed."""
    return {name: _digest_of(tensor) for name, tensor in tuned_state(model).items()}


def in_use(key: str, on_note: Callable[[str], None]) -> AbstractContextManager[None]:
    """Return a lock: within it no other process makes or replaces the weights of a key."""
    return locked(cache_dir() / KIND / f".{key}.use.lock", on_note)


def find_unlearned(key: str, on_note: Callable[[str], None]) -> StoredWeights | None:
    """Return the weights kept under a key; None if there are none, or they are damaged."""
    from safetensors.torch import load_file

    folder = cache_dir() / KIND / key
    if not (folder / MANIFEST_FILE).is_file():
        return None
    if damage(folder, on_note):
        return None
    try:
        tensors = load_file(str(folder / WEIGHTS_FILE))
        facts = json.loads((folder / FACTS_FILE).read_text(encoding="utf-8"))
        mark_used(folder)  # the least recently used go first
    except (OSError, ValueError):  # another process has just made room
        return None
    return StoredWeights(tensors, facts)


def forget_unlearned(key: str) -> None:
    """Remove the weights kept under a key, if there are any."""
    shutil.rmtree(cache_dir() / KIND / key, ignore_errors=True)


def keep_unlearned(
    key: str,
    model: LanguageModel,
    before: Mapping[str, str],
    facts: Mapping[str, Any],
    on_note: Callable[[str], None],
) -> None:
    """Keep what a method made of a target; where the disk has no room, say so and go on.

    Args:
        key: hash of everything that decides the weights.
        model: as the method left it.
        before: digests of the target's tensors; an adapter is kept whole.
        facts: JSON values that `find_unlearned` returns with the weights.
        on_note: told where nothing can be kept.
    """
    whole = is_adapted(model)
    changed = {
        name: tensor
        for name, tensor in tuned_state(model).items()
        if whole or before.get(name) != _digest_of(tensor)
    }

    def build(folder: Path) -> None:
        from safetensors.torch import save_file

        save_file(_unshared(changed), str(folder / WEIGHTS_FILE))
        (folder / FACTS_FILE).write_text(json.dumps(dict(facts)), encoding="utf-8")

    try:
        cached_folder(KIND, key, build, on_note)
        make_room(keep=cache_folder(KIND, key))
    except OSError as error:
        on_note(f"the unlearned weights are not kept in the cache ({error})")


def _digest_of(tensor: Any) -> str:
    import torch

    flat = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
    return hashlib.blake2b(flat.numpy().data, digest_size=16).hexdigest()


def _unshared(tensors: Mapping[str, Any]) -> dict[str, Any]:
    """Return tensors of their own memory; of tied ones the first, as safetensors wants it."""
    seen: set[int] = set()
    found = {}
    for name, tensor in sorted(tensors.items()):
        if tensor.data_ptr() in seen:
            continue
        seen.add(tensor.data_ptr())
        found[name] = tensor.detach().cpu().contiguous().clone()
    return found
