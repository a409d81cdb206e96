"""The pipeline on a GPU: a LLaMA-shaped model with random weights, or a preset.

Target by LoRA on the privacy task, then every method; prints forced metrics, seconds a step and
peak memory, and writes them as JSON beside gradient ascent's and the paper's, with a step of the
harness against one of the released recipe on the same model. Random weights know no English: their
numbers say that the pipeline works and what it costs, not how well a method unlearns.

    make test-gpu                                               # 1 B parameters
    make bench-gpu                                              # 7 B, and smollm2-135m
    python benchmarks/gpu_pipeline.py --device cpu --shape small    # the same path, without a GPU
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alternating import machine
from real_questions import load
from real_questions import parser as benchmark_options
from training_step import figures

from unharness import RunRecord
from unharness.cache import CACHE_VARIABLE, cache_dir
from unharness.cli.run import calm_libraries
from unharness.errors import UnharnessError
from unharness.models.pretrained import KIND as PRETRAINED
from unharness.report.published import load_published

SHAPES = {
    "1B": {"hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16},
    "7B": {"hidden_size": 4096, "intermediate_size": 11_008, "num_hidden_layers": 32},
    "small": {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2},
}
ASCENT = "gradient-ascent"
COSTS = ("seconds_per_step", "peak_memory_gb")
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
        vocab_size=len(tokenizer) if shape == "small" else 32_000,
        num_attention_heads=4 if shape == "small" else 32,
        num_key_value_heads={"small": 2, "1B": 8, "7B": 32}[shape],
        max_position_embeddings=1024,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
        **SHAPES[shape],
    )
    torch.manual_seed(0)
    model = LlamaForCausalLM(config).to(torch.bfloat16 if shape == "7B" else torch.float32)
    model.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
    return sum(parameter.numel() for parameter in model.parameters())


def fresh_cache(folder: Path) -> None:
    """Use an empty cache from now on, in which pretrained models are those of the user's own."""
    fetched = cache_dir() / PRETRAINED
    folder.mkdir()
    if fetched.is_dir():
        (folder / PRETRAINED).symlink_to(fetched.resolve())
    os.environ[CACHE_VARIABLE] = str(folder)


def measured(method: str, **options: Any) -> dict[str, Any]:
    """Run a method; return its metrics and cost, or what it failed with."""
    import torch

    import unharness

    try:
        record = unharness.run(method, "knowundo-privacy", general="bundled", **options)
    except UnharnessError as error:
        return {"method": method, "error": str(error)}
    row: dict[str, Any] = {"method": method, "dtype": record.spec.dtype}
    row |= {name: record.metrics[name].value for name in METRICS}
    row |= record.cost.model_dump()
    row |= before_training(record)
    row["autocast_left_on"] = torch.is_autocast_enabled(torch.device(options["device"]).type)
    return row | {"warnings": record.warnings, "hardware": record.provenance["hardware"]}


def before_training(record: RunRecord) -> dict[str, Any]:
    """Return how many steps a run took, and the seconds before them: MemFlex's localisation."""
    steps = record.training.steps if record.training else 0
    cost = record.cost
    if cost.train_seconds is None or cost.seconds_per_step is None:
        return {"steps": steps}
    return {"steps": steps, "seconds_before": cost.train_seconds - steps * cost.seconds_per_step}


def beside_ascent(rows: Sequence[dict[str, Any]]) -> None:
    """Add to every row its cost as a multiple of gradient ascent's, and the paper's own figures."""
    paper = paper_costs()
    [ascent] = [row for row in rows if row["method"] == ASCENT] or [{}]
    for row in rows:
        row["paper"] = paper.get(row["method"])
        for name in COSTS:
            if row.get(name) and ascent.get(name):
                row[f"{name}_of_ascent"] = row[name] / ascent[name]


def paper_costs() -> dict[str, dict[str, float | None]]:
    """Return seconds a step and peak memory of KnowUnDo's authors: LLaMA-2-7B on an A100."""
    return {
        row.method: {name: row.cells[name].value for name in COSTS}
        for table in load_published("knowundo-paper", Path("results")).tables
        for row in table.rows
        if set(COSTS) <= set(row.cells)
    }


def main() -> None:
    """Make the model, run every method, print and write what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--shape", choices=SHAPES, default="1B", help="of the random model")
    parser.add_argument("--model", help="a preset or a folder, in place of a random model")
    parser.add_argument("--method", help="some, separated by commas; all when not given")
    parser.add_argument("--data", default="auto")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--out", type=Path, help="write the rows as JSON")
    options = parser.parse_args()
    import torch

    if options.device.startswith("cuda") and not torch.cuda.is_available():
        sys.exit("no CUDA here: this check needs a GPU (--device cpu --shape small tries its path)")

    from unharness.registry import registry

    found: dict[str, Any] = {"model": options.model or options.shape, "methods": []}

    def keep() -> None:
        if options.out:
            options.out.write_text(json.dumps(found, indent=1) + "\n")

    with tempfile.TemporaryDirectory(prefix="unharness-gpu-") as scratch:
        fresh_cache(Path(scratch) / "cache")
        model = options.model
        if model is None:
            folder = Path(scratch) / f"random-llama-{options.shape}"
            count = make_checkpoint(folder, options.shape, options.data)
            print(f"model: {count / 1e9:.2f} B parameters, device: {options.device}", flush=True)
            model = str(folder)
        for method in options.method.split(",") if options.method else registry().names("methods"):
            row = measured(
                method,
                model=model,
                device=options.device,
                data=options.data,
                limit_train=options.limit,
                suite=None if options.model else "none",
                results=f"{scratch}/results",
            )
            found["methods"].append(row)
            keep()
            print(json.dumps({key: row[key] for key in row if key != "hardware"}), flush=True)
        words = ["--data", options.data, "--model", model]
        words += ["--limit", str(options.limit)] if options.limit else []
        subject = load(benchmark_options(None).parse_args(words), "lora", options.device)
        found["step"] = {"machine": machine()} | figures(subject, steps=2, rounds=3)
        print("a step", json.dumps(found["step"]), flush=True)
        beside_ascent(found["methods"])
        keep()
    if failed := [row["method"] for row in found["methods"] if "error" in row]:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    calm_libraries(False)
    main()
