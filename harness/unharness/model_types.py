"""What a model is, for type checkers and readers.

Imports transformers and peft: import it under `TYPE_CHECKING` alone.
"""

from __future__ import annotations

from typing import TypeAlias

from peft import PeftModel
from transformers import PreTrainedModel

LanguageModel: TypeAlias = PreTrainedModel | PeftModel
"""A causal language model of transformers, perhaps with LoRA adapters on it."""
