"""Models in hand, written where vLLM can load them, under names made of their content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unharness.engines.vllm.adapters import Adapter
from unharness.models.lora import is_adapted
from unharness.models.weights import weights_hash

if TYPE_CHECKING:
    from unharness.model_types import LanguageModel

PASSING = (
    *("_name_or_path", "architectures", "dtype", "torch_dtype", "transformers_version"),
    *("use_cache", "bos_token_id", "eos_token_id", "pad_token_id"),
)
"""Of a configuration: what changes nothing in a running engine, or changes when it is saved."""


@dataclass(frozen=True)
class ExportedBase:
    """The weights below a model's adapter; all of its weights, if it has none."""

    model: LanguageModel

    @cached_property
    def plain(self) -> Any:
        """The model of transformers."""
        return self.model.get_base_model() if is_adapted(self.model) else self.model

    @cached_property
    def state(self) -> dict[str, Any]:
        """Its tensors, under the names they have without an adapter."""
        state = self.plain.state_dict()
        if not is_adapted(self.model):
            return dict(state)
        return {
            name.replace(".base_layer.", "."): tensor
            for name, tensor in state.items()
            if ".lora_" not in name
        }

    @cached_property
    def shape(self) -> str:
        """The hash of its configuration: engines of the same one can exchange weights."""
        config = {k: v for k, v in self.plain.config.to_dict().items() if k not in PASSING}
        content = [type(self.plain).__name__, config]
        return _sha256(json.dumps(content, sort_keys=True, default=str).encode())

    @cached_property
    def key(self) -> str:
        """The hash of its content."""
        return _sha256(f"{self.shape} {weights_hash(_Tensors(self.state))}".encode())

    @property
    def size(self) -> int:
        """Its size in bytes."""
        return sum(tensor.numel() * tensor.element_size() for tensor in self.state.values())

    def write(self, root: Path) -> Path:
        """Return a folder below `root` that holds it as a checkpoint."""
        target = root / f"base-{self.key[:24]}"
        with _whole(target) as folder:
            if folder:
                with _no_generation_config(self.plain):
                    self.plain.save_pretrained(str(folder), state_dict=dict(self.state))
        return target


def write_adapter(model: LanguageModel, adapter: Adapter, root: Path) -> Path:
    """Return a folder below `root` that holds the adapter, and nothing else."""
    from peft import get_peft_model_state_dict

    # Not "auto", which asks the hub what the base model's vocabulary is.
    state = get_peft_model_state_dict(model, adapter_name=adapter.name, save_embedding_layers=False)
    config = json.dumps(adapter.config.to_dict(), sort_keys=True, default=_plain)
    key = _sha256(f"{config} {weights_hash(_Tensors(state))}".encode())
    target = root / f"adapter-{key[:24]}"
    with _whole(target) as folder:
        if folder:
            from safetensors.torch import save_file

            tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
            save_file(tensors, str(folder / "adapter_model.safetensors"))
            adapter.config.save_pretrained(str(folder))
    return target


@dataclass(frozen=True)
class _Tensors:
    """What `weights_hash` takes for a model without an adapter."""

    state: Mapping[str, Any]

    def state_dict(self) -> Mapping[str, Any]:
        return self.state


@contextmanager
def _whole(target: Path) -> Iterator[Path | None]:
    """Give a folder to fill that takes its place when it is complete; None if it is there."""
    if target.is_dir():
        yield None
        return
    scratch = target.with_name(f".{target.name}")
    scratch.mkdir()
    yield scratch
    scratch.rename(target)


@contextmanager
def _no_generation_config(model: LanguageModel) -> Iterator[None]:
    """Set it aside: one that is not valid would not be saved, and vLLM is not to read it."""
    from transformers import GenerationConfig

    own = model.generation_config
    model.generation_config = GenerationConfig()
    try:
        yield
    finally:
        model.generation_config = own


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, set) else str(value)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
