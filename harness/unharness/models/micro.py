"""A model for tests of the harness: two layers, a few dozen facts, seconds to its target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from unharness.data.examples import Example
from unharness.data.general import general_examples
from unharness.models.tiny import Tiny


class Micro(Tiny):
    """Llama with hidden size 64, 2 layers, 4 heads; learns the first 8 examples of each split."""

    name = "micro"
    summary = "A two-layer Llama that learns a few dozen facts in seconds; for tests alone."
    version = 1
    suite = "none"
    limit_train = 8

    vocabulary: ClassVar[int] = 1000
    shape: ClassVar[Mapping[str, int]] = {
        "hidden_size": 64,
        "intermediate_size": 172,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
    }

    def knowledge(self) -> tuple[Example, ...]:
        """Return the first 8 of the bundled general facts."""
        return general_examples()[:8]
