"""What an optimizer step's passes cost by method, against those of gradient ascent.

A random Llama (hidden size 256, 4 layers, 8192 tokens of vocabulary) passes 8 forget examples, and
those that join them, forward and backward: 48 tokens each, of which 24 are the answer. Seconds are
of the process's CPU time on one thread; methods take turns, so that all meet the same machine.

    python benchmarks/method_steps.py --rounds 5 --out benchmarks/results/method_steps.json
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from alternating import alternate, machine
from real_questions import write
from transformers import LlamaConfig, LlamaForCausalLM

from unharness import LossMethod, RetainLossMethod, TokenBatch, UnlearnBatch
from unharness.data.encoding import Encoded
from unharness.data.recipe import LoraSettings
from unharness.models.lora import add_adapter
from unharness.registry import registry
from unharness.unlearning.reference import make_reference
from unharness.unlearning.streams import with_forget

EXAMPLES, LENGTH, ANSWER, VOCABULARY = 8, 48, 24, 8192
FIRST = "gradient-ascent"


class Tokenizer:
    """What methods and the reference ask a tokenizer for."""

    pad_token_id = 0

    def __len__(self) -> int:
        return VOCABULARY


def make_model(tuning: str) -> Any:
    """Return a random model, with an adapter under LoRA."""
    torch.manual_seed(0)
    shape = {"hidden_size": 256, "intermediate_size": 688, "num_hidden_layers": 4}
    model = LlamaForCausalLM(LlamaConfig(**shape, num_attention_heads=4, vocab_size=VOCABULARY))
    return add_adapter(model, LoraSettings(dropout=0.0), seed=0) if tuning == "lora" else model


def batch_of(rows: list[Encoded]) -> TokenBatch:
    """Return rows of one length as a batch."""
    ids = torch.tensor([row.input_ids for row in rows])
    labels = ids.clone()
    labels[:, : LENGTH - ANSWER] = -100
    return TokenBatch(ids, torch.ones_like(ids), labels)


def passes(method: LossMethod, model: Any) -> Callable[[], float]:
    """Return what passes one batch forward and backward, and says its CPU seconds."""
    streams = with_forget(method.streams())
    rows = {
        name: [
            Encoded(tuple(torch.randint(VOCABULARY, (LENGTH,)).tolist()), LENGTH - ANSWER, False)
            for _ in range(EXAMPLES)
        ]
        for name in streams
    }
    context: Any = SimpleNamespace(
        model=model,
        tokenizer=Tokenizer(),
        device="cpu",
        precision="float32",
        progress=lambda done, total: None,
    )
    method.prepare(context)
    reference = make_reference(model, streams)
    if reference:
        reference.prepare(context, rows)
    batch = UnlearnBatch({name: batch_of(found) for name, found in rows.items()}, reference)

    def run() -> float:
        model.train()
        begun = time.process_time()
        for term in method.loss_terms(model, batch):
            term.backward()
        taken = time.process_time() - begun
        model.zero_grad(set_to_none=True)
        return taken

    return run


def measured(names: list[str], tuning: str, rounds: int) -> dict[str, Any]:
    """Return of every method its seconds, and how many times those of gradient ascent they are."""
    model = make_model(tuning)
    arms = {}
    for name in names:
        kind = registry().get("methods", name)
        arms[name] = passes(kind(kind.Config()), model)
    found = alternate(arms, rounds)
    least = {name: min(row["seconds"]) for name, row in found.items()}
    return {
        name: row | {"times_gradient_ascent": round(least[name] / least[FIRST], 2)}
        for name, row in found.items()
    }


def main() -> None:
    """Measure, print a table, and write the numbers down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    kinds = {name: registry().get("methods", name) for name in registry().names("methods")}
    losses = [name for name, kind in kinds.items() if issubclass(kind, RetainLossMethod)]
    names = [FIRST, "gradient-difference", "kl", *losses]
    results = {tuning: measured(names, tuning, options.rounds) for tuning in ("full", "lora")}
    print("| CPU seconds of a batch, times gradient ascent's | full | lora |\n|---|---|---|")
    for name in names:
        cells = [f"{results[tuning][name]['times_gradient_ascent']:.2f}" for tuning in results]
        print(f"| `{name}` | {' | '.join(cells)} |")
    write(options, {"machine": machine(), "rounds": options.rounds, **results})


if __name__ == "__main__":
    main()
