"""Which adapters vLLM can answer with: told before anything is started."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unharness.engines.vllm.options import RANKS
from unharness.errors import ModelError
from unharness.models.lora import is_adapted

if TYPE_CHECKING:
    from unharness.model_types import LanguageModel

REFUSED = {
    "use_dora": "DoRA",
    "lora_bias": "a bias of the adapter",
    "modules_to_save": "modules_to_save",
    "layer_replication": "layer replication",
    "trainable_token_indices": "trainable token indices",
    "target_parameters": "adapters on bare parameters",
    "alora_invocation_tokens": "activated LoRA",
    "use_qalora": "QALoRA",
}
"""Settings of peft's that vLLM refuses, or worse, passes over."""


@dataclass(frozen=True)
class Adapter:
    """The adapter that a model answers with."""

    name: str
    config: Any
    rank: int
    """The highest of its layers."""


def adapter_of(model: LanguageModel, max_rank: int | None = None) -> Adapter | None:
    """Return the model's active adapter, or None if it carries none.

    Args:
        max_rank: what the user allows.

    Raises:
        ModelError: vLLM cannot answer with it.
    """
    if not is_adapted(model):
        return None
    names = list(model.active_adapters)
    if len(names) != 1:
        raise ModelError(f"engine 'vllm' needs one active adapter; this model has {names}")
    config = model.peft_config[names[0]]
    kind = getattr(config.peft_type, "value", str(config.peft_type))
    if kind != "LORA":
        raise ModelError(f"engine 'vllm' takes LoRA adapters, not {kind}; use --engine hf")
    refused = [words for field, words in REFUSED.items() if getattr(config, field, None)]
    if getattr(config, "bias", "none") != "none":
        refused.append(f"bias={config.bias!r}")
    if refused:
        raise ModelError(f"vLLM does not take adapters with {', '.join(refused)}; use --engine hf")
    rank = max([config.r, *(config.rank_pattern or {}).values()])
    allowed = max_rank or RANKS[-1]
    if rank > allowed:
        whose = "the option max_lora_rank allows" if max_rank else "vLLM takes"
        raise ModelError(f"the adapter's rank is {rank}, more than the {allowed} that {whose}")
    return Adapter(names[0], config, rank)
