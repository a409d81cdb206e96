"""The estimate of memory against what was measured: two steps of 16 examples, on this machine.

Each case runs in its own process, in float32 on a CPU. The measured value is the peak resident
memory.
The ratio of tensors is that of what lies beyond the process: measured, what it held before it
loaded the model; estimated, the formula's constant for it.

    python benchmarks/memory_measured.py --data ../shared/data \
        --out benchmarks/results/memory_measured.json
    MALLOC_MMAP_THRESHOLD_=1000000 python benchmarks/memory_measured.py …    # freed is given back
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

from own_process import in_own_process

from unharness.cli.run import calm_libraries

MODELS = ("tiny", "smollm2-135m")
TUNINGS = ("full", "lora")
METHODS = ("gradient-ascent", "kl", "memflex")
EXAMPLES = 32
"""Of each split: two steps of 16."""


def measure(model: str, tuning: str, method: str, data: str) -> dict[str, Any]:
    """Run two steps of a method on a base model, and return gigabytes, measured and estimated."""
    import gc

    import peft  # noqa: F401
    import psutil
    import transformers.trainer  # noqa: F401

    import unharness.training.loop  # noqa: F401 - as in a run, libraries come before the model
    from unharness.models.lora import add_adapter
    from unharness.pipeline.memory import PeakMemory
    from unharness.pipeline.memory_estimate import estimate_run
    from unharness.pipeline.memory_formula import PROCESS
    from unharness.pipeline.resolve import resolve
    from unharness.registry import registry
    from unharness.request import make_request
    from unharness.unlearning.context import UnlearnContext, readable_splits

    given: dict[str, Any] = {"method": method, "model": model, "tuning": tuning, "data": data}
    given |= {
        "limit_train": EXAMPLES,
        "device": "cpu",
        "precision": "float32",
        "suite": "none",
        "epochs": 1,
    }
    if method == "memflex":
        given["set"] = {"draws": 1}
        if tuning == "lora":  # a fresh adapter has no region; the located one is measured in full
            given["set"] = {"localise": "every-step", "mu": 1.0, "sigma": 0.0}
    plan = resolve(make_request(given), registry())
    estimate = estimate_run(plan).stages[-1].memory.peak / 1e9
    gc.collect()
    process = psutil.Process().memory_info().rss / 1e9
    loaded, tokenizer = plan.base.load(plan.data, plan.place.dtype)
    if tuning == "lora":
        loaded = add_adapter(loaded, plan.lora, seed=0)
    context = UnlearnContext(
        model=loaded,
        tokenizer=tokenizer,
        splits=readable_splits(plan.data_with_general, plan.method),
        seed=0,
        max_length=plan.place.max_length,
        device="cpu",
        template=plan.place.template,
    )
    peak = PeakMemory("cpu")
    plan.method.unlearn(context)
    measured = peak.gigabytes()
    return {
        "malloc": os.environ.get("MALLOC_MMAP_THRESHOLD_", "default"),
        "process_gb": process,
        "measured_gb": measured,
        "estimated_gb": estimate,
        "ratio": estimate / measured,
        "ratio_of_tensors": (estimate - PROCESS["cpu"] / 1e9) / (measured - process),
    }


def main() -> None:
    """Measure every case in its own process, and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="auto")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--methods", nargs="+", default=METHODS)
    parser.add_argument("--case", nargs=3, help="measure this model, tuning and method, here")
    options = parser.parse_args()
    if options.case:
        model, tuning, method = options.case
        print(json.dumps(measure(model, tuning, method, options.data)))
        return
    rows = []
    for model in options.models:
        for tuning in TUNINGS:
            for method in options.methods:
                case = (model, tuning, method)
                numbers = in_own_process(__file__, ["--data", options.data, "--case", *case])
                rows.append({"model": model, "tuning": tuning, "method": method} | numbers)
                print(json.dumps(rows[-1]), flush=True)
    if options.out:
        options.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    calm_libraries(False)
    main()
