"""Loading a whole causal language model from a folder: safetensors only, no remote code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from unharness.errors import ModelError

if TYPE_CHECKING:
    from unharness.model_types import LanguageModel


def load_causal_lm(folder: Path, dtype: str) -> LanguageModel:
    """Return the model on the CPU.

    transformers itself fills in what a checkpoint lacks, by chance, and warns of it.

    Raises:
        ModelError: there is no such model, weights are missing, or they have other shapes than
            the configuration says.
    """
    import torch
    from transformers import AutoModelForCausalLM

    try:
        model, info = AutoModelForCausalLM.from_pretrained(
            str(folder),
            dtype=getattr(torch, dtype),
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except Exception as error:
        reason = (str(error).strip().splitlines() or [""])[0]
        raise ModelError(
            f"{folder}: no causal language model that transformers can load "
            f"({type(error).__name__}: {reason})"
        ) from error
    for problem in ("missing_keys", "mismatched_keys"):
        names = sorted(str(item[0] if isinstance(item, tuple) else item) for item in info[problem])
        if names:
            what = "are missing" if problem == "missing_keys" else "have other shapes"
            raise ModelError(
                f"{folder}: {len(names)} weights {what} that config.json speaks of, {names[0]} say"
            )
    return model
