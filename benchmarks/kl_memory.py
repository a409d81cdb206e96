"""Peak memory of every method with LoRA on a model of 110 M parameters, against gradient ascent.

Each method runs in a process of its own: one optimizer step of 16 real examples, random weights.

    python benchmarks/kl_memory.py --data ../shared/data --out benchmarks/kl_memory.json
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from unharness.cli.run import calm_libraries

BASELINE = "gradient-ascent"
METHODS = (BASELINE, "gradient-difference", "kl")


def measure(method: str, data: str, batch_size: int) -> dict[str, float]:
    """Run one step of a method, and return its peak memory in 1e9 bytes."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from unharness.data.recipe import LoraSettings
    from unharness.data.sources import DataSource
    from unharness.models.lora import add_adapter
    from unharness.models.tiny import Tiny
    from unharness.pipeline.memory import PeakMemory
    from unharness.pipeline.method_choice import make_method
    from unharness.registry import registry
    from unharness.unlearning.context import UnlearnContext

    device = "cuda" if torch.cuda.is_available() else "cpu"
    task = registry().get("tasks", "knowundo-privacy")()
    examples = task.load(DataSource(data)).limited(batch_size)
    _, tokenizer = Tiny().build(examples)
    config = LlamaConfig(
        vocab_size=32_000,
        hidden_size=768,
        intermediate_size=2048,
        num_hidden_layers=12,
        num_attention_heads=12,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
    )
    torch.manual_seed(0)
    model = add_adapter(LlamaForCausalLM(config), LoraSettings(), seed=0).to(device)
    context = UnlearnContext(model, tokenizer, examples, 0, 256, device)
    settings = {"epochs": 1, "batch_size": batch_size}
    peak = PeakMemory(device)
    make_method(registry().get("methods", method), "", settings).unlearn(context)
    total = sum(value.numel() for value in model.parameters())
    return {"peak_memory_gb": peak.gigabytes(), "parameters": total}


def main() -> None:
    """Measure every method in a process of its own, and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="auto")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--method", help="measure this one, here")
    options = parser.parse_args()
    if options.method:
        print(json.dumps(measure(options.method, options.data, options.batch_size)))
        return
    rows = {}
    for method in METHODS:
        command = [sys.executable, __file__, "--method", method, "--data", options.data]
        command += ["--batch-size", str(options.batch_size)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        rows[method] = json.loads(done.stdout.splitlines()[-1])
        rows[method]["ratio"] = rows[method]["peak_memory_gb"] / rows[BASELINE]["peak_memory_gb"]
        print(method, json.dumps(rows[method]), flush=True)
    if options.out:
        options.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    calm_libraries(False)
    main()
