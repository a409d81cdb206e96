"""The table of docs/memory.md: method by model size by tuning, GB on a GPU, by formula alone.

python benchmarks/memory_table.py            # the table, in markdown
python benchmarks/memory_table.py --length 512 --micro-batch 4
"""

from __future__ import annotations

import argparse
from typing import Any, Literal

LLAMA: dict[str, dict[str, Any]] = {
    "Llama-3.2-1B": {
        "hidden_size": 2048,
        "num_hidden_layers": 16,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "head_dim": 64,
        "intermediate_size": 8192,
        "vocab_size": 128_256,
        "tie_word_embeddings": True,
    },
    "Llama-3.2-3B": {
        "hidden_size": 3072,
        "num_hidden_layers": 28,
        "num_attention_heads": 24,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "intermediate_size": 8192,
        "vocab_size": 128_256,
        "tie_word_embeddings": True,
    },
    "LLaMA-2-7B": {
        "hidden_size": 4096,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 32,
        "intermediate_size": 11_008,
        "vocab_size": 32_000,
        "tie_word_embeddings": False,
    },
    "LLaMA-2-13B": {
        "hidden_size": 5120,
        "num_hidden_layers": 40,
        "num_attention_heads": 40,
        "num_key_value_heads": 40,
        "intermediate_size": 13_824,
        "vocab_size": 32_000,
        "tie_word_embeddings": False,
    },
}
"""The published configurations, as far as memory depends on them."""
TUNINGS: tuple[Literal["lora", "full"], ...] = ("lora", "full")


def gigabytes(
    method: Any, shape: Any, tuning: Literal["lora", "full"], examples: int, length: int
) -> float:
    """Return the estimated peak of a method's training on a GPU, in 1e9 bytes.

    Half of an example's tokens are its answer.
    """
    from unharness.data.recipe import LoraSettings
    from unharness.pipeline.device import weights_dtype
    from unharness.pipeline.memory_estimate import method_training
    from unharness.pipeline.memory_formula import Training, estimate
    from unharness.unlearning.streams import with_forget

    lora = LoraSettings()
    training = Training(
        tuning=tuning,
        device="cuda",
        autocast=True,
        weights_bytes=4 if weights_dtype("bfloat16", tuning, tuning) == "float32" else 2,
        terms=(),
        rank=lora.r,
        dropout=lora.dropout,
    )
    streams = with_forget(method.streams())
    lengths = dict.fromkeys(streams, (examples, length, examples * length // 2))
    return estimate(shape, method_training(method, training, lengths)).peak / 1e9


def table(batch: int, micro_batch: int, length: int) -> list[str]:
    """Return the table's lines; methods that take the same share one."""
    from transformers import LlamaConfig

    from unharness.models.shape import shape_of
    from unharness.pipeline.method_choice import make_method
    from unharness.registry import registry
    from unharness.unlearning.method import LossMethod

    shapes = {name: shape_of(LlamaConfig(**values)) for name, values in LLAMA.items()}
    rows: dict[tuple[str, ...], list[str]] = {}
    found = registry()
    for name in found.names("methods"):
        kind = found.get("methods", name)
        if not issubclass(kind, LossMethod):
            continue
        settings = {"batch_size": batch, "micro_batch_size": micro_batch}
        method = make_method(kind, "", settings)
        cells = tuple(
            f"{gigabytes(method, shape, tuning, micro_batch, length):.1f}"
            for shape in shapes.values()
            for tuning in TUNINGS
        )
        rows.setdefault(cells, []).append(name)
    heads = [f"{name}, {tuning}" for name in shapes for tuning in TUNINGS]
    lines = [f"| GB, estimated by formula | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
    return lines + [
        f"| {', '.join(names)} | {' | '.join(cells)} |" for cells, names in rows.items()
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--micro-batch", type=int, default=16)
    parser.add_argument("--length", type=int, default=256, help="tokens of every example")
    options = parser.parse_args()
    print("\n".join(table(options.batch, options.micro_batch, options.length)))


if __name__ == "__main__":
    main()
