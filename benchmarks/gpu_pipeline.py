"""The pipeline on a GPU: a LLaMA-shaped model of about 1 B parameters with random weights.

Target by LoRA on the privacy task, then every method; prints forced metrics, seconds a step and
peak memory, and writes them as JSON. Random weights know no English, so the numbers say that the
pipeline works and what it costs, not how well a method unlearns.

    make test-gpu
    python benchmarks/gpu_pipeline.py --device cpu --small      # the same path, without a GPU
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from unharness.cli.run import calm_libraries

SHAPES = {
    "1B": {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16},
    "small": {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2},
}
METRICS = ("unlearn_success", "retention_success", "unlearn_ppl", "retention_ppl")


def make_checkpoint(folder: Path, shape: str, data: str) -> int:
    """Write a random Llama and a tokenizer trained on the task's texts; return its size."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from unharness.data.sources import DataSource
    from unharness.models.tiny import Tiny
    from unharness.registry import registry

    task = registry().get("tasks", "knowundo-privacy")()
    _, tokenizer = Tiny().build(task.load(DataSource(data)))
    config = LlamaConfig(
        vocab_size=32_000,
        num_attention_heads=SHAPES[shape]["hidden_size"] // 16 if shape == "small" else 32,
        num_key_value_heads=2 if shape == "small" else 8,
        max_position_embeddings=1024,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
        **SHAPES[shape],
    )
    torch.manual_seed(0)
    model = LlamaForCausalLM(config)
    model.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
    return sum(parameter.numel() for parameter in model.parameters())


def main() -> None:
    """Make the model, run every method, print and write what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true", help="a model of 4 M parameters")
    parser.add_argument("--data", default="auto")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--out", type=Path, help="write the rows as JSON")
    options = parser.parse_args()
    import torch

    if options.device.startswith("cuda") and not torch.cuda.is_available():
        sys.exit("no CUDA here: this check needs a GPU (--device cpu --small tries its path)")

    import unharness
    from unharness.registry import registry

    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="unharness-gpu-") as scratch:
        os.environ["UNHARNESS_CACHE"] = f"{scratch}/cache"
        shape = "small" if options.small else "1B"
        folder = Path(scratch) / f"random-llama-{shape}"
        count = make_checkpoint(folder, shape, options.data)
        print(f"model: {count / 1e9:.2f} B parameters, device: {options.device}", flush=True)
        for method in registry().names("methods"):
            record = unharness.run(
                method,
                "knowundo-privacy",
                model=str(folder),
                device=options.device,
                data=options.data,
                limit_train=options.limit,
                results=f"{scratch}/results",
            )
            values = {name: record.metrics[name].value for name in METRICS}
            cost = record.cost.model_dump(exclude={"stages"})
            row = {"method": method, "dtype": record.spec.dtype, **values, **cost}
            row |= {"warnings": record.warnings, "hardware": record.provenance["hardware"]}
            rows.append(row)
            print(json.dumps({key: row[key] for key in row if key != "hardware"}), flush=True)
    if options.out:
        options.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    calm_libraries(False)
    main()
