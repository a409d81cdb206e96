"""What an optimizer step's passes cost by method, against those of gradient ascent.

A random Llama (hidden size 256, 4 layers, 8192 tokens of vocabulary) passes 8 forget examples, and
those that join them, forward and backward: 48 tokens each, of which 24 are the answer. What is done
before training reads a task's stand-in, and is not timed. Passes are counted at the first decoder
block: of examples, for each forget example. Seconds are of the process's CPU time on one thread;
methods take turns, so that all meet the same machine.

    python benchmarks/method_steps.py --rounds 5 --out benchmarks/results/method_steps.json
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from alternating import alternate, machine
from real_questions import write
from transformers import LlamaConfig, LlamaForCausalLM

from unharness import LossMethod, TokenBatch, UnlearnBatch
from unharness.data.encoding import Encoded
from unharness.data.general_text import find_general
from unharness.data.named_task import make_task
from unharness.data.recipe import LoraSettings
from unharness.data.sources import DataSource
from unharness.models.lora import add_adapter
from unharness.pipeline.data_choice import load_data
from unharness.registry import registry
from unharness.training.blocks import decoder_blocks
from unharness.training.hooks import TermGradients, add_gradients, take_gradients
from unharness.unlearning.context import UnlearnContext, readable_splits
from unharness.unlearning.loss_trainer import only_trainable
from unharness.unlearning.reference import make_reference
from unharness.unlearning.streams import with_forget

EXAMPLES, LENGTH, ANSWER, VOCABULARY = 8, 48, 24, 8192
TASK = "knowundo-privacy"
OWN_EXAMPLES = ("adversarial",)
"""Methods that read no other examples than those that they prepared; they are not measured."""
FIRST = "gradient-ascent"


def make_model(tuning: str) -> Any:
    """Return a random model, with an adapter under LoRA."""
    torch.manual_seed(0)
    shape = {"hidden_size": 256, "intermediate_size": 688, "num_hidden_layers": 4}
    model = LlamaForCausalLM(LlamaConfig(**shape, num_attention_heads=4, vocab_size=VOCABULARY))
    if tuning == "full":
        return model
    adapted = add_adapter(model, LoraSettings(dropout=0.0), seed=0)
    for name, value in adapted.named_parameters():
        if ".lora_B." in name:  # as of a target that learned with the adapter
            torch.nn.init.normal_(value, std=0.01)
    return adapted


def make_context(model: Any, method: LossMethod) -> UnlearnContext:
    """Return what a method is given: a few questions of a task's stand-in, and general text."""
    data = load_data(make_task(TASK, registry()), DataSource("standin"), registry()).limited(
        EXAMPLES
    )
    general = find_general("bundled", data, bundled=True)
    assert general is not None
    data = data.joined(replace(general, examples=general.examples[:EXAMPLES]).split)
    _, tokenizer = registry().get("models", "micro")().build(data)
    assert len(tokenizer) <= model.config.vocab_size
    splits = readable_splits(data, method)
    return UnlearnContext(model.eval(), tokenizer, splits, 0, 2 * LENGTH, "cpu")


def batch_of(rows: list[Encoded]) -> TokenBatch:
    """Return rows of one length as a batch."""
    ids = torch.tensor([row.input_ids for row in rows])
    labels = ids.clone()
    labels[:, : LENGTH - ANSWER] = -100
    return TokenBatch(ids, torch.ones_like(ids), labels)


@dataclass
class Passes:
    """What passes one batch forward and backward, as an optimizer step does."""

    method: LossMethod
    model: Any
    batch: UnlearnBatch
    selected: Collection[str] | None
    """The trainable parameters."""

    def __call__(self) -> float:
        """Pass the batch; return the CPU seconds."""
        with only_trainable(self.model, self.selected):
            self.model.train()
            begun = time.process_time()
            self._step()
            taken = time.process_time() - begun
        self.model.zero_grad(set_to_none=True)
        return taken

    def counted(self) -> dict[str, float]:
        """Pass the batch; return how often a forget example passed forward, and backward."""
        counts = {"forward": 0, "backward": 0}

        def count(module: Any, inputs: Any, output: Any) -> None:
            states = output[0] if isinstance(output, tuple) else output
            counts["forward"] += len(states)
            if states.requires_grad:
                states.register_hook(lambda gradient: count_backward(len(gradient)))

        def count_backward(examples: int) -> None:
            counts["backward"] += examples

        handle = decoder_blocks(self.model)[0].register_forward_hook(count)
        try:
            self()
        finally:
            handle.remove()
        return {name: round(found / EXAMPLES, 2) for name, found in counts.items()}

    def _step(self) -> None:
        method, model = self.method, self.model
        for index in range(method.passes):
            method.before_pass(model, index)
            before = take_gradients(model)
            separate = TermGradients() if method.separate_gradients else None
            for number, term in enumerate(method.loss_terms(model, self.batch)):
                term.backward()
                if separate:
                    separate.take(number, model)
            if separate:
                separate.put_back(model, method, before)
            else:
                add_gradients(model, before)
        method.finish_gradients(model)


def passes(method: LossMethod, model: Any) -> Passes:
    """Return a step of a method, on random tokens."""
    context = make_context(model, method)
    method.prepare(context)
    selected = method.select_parameters(context)
    streams = with_forget(method.streams())
    rows = {
        name: [
            Encoded(tuple(torch.randint(VOCABULARY, (LENGTH,)).tolist()), LENGTH - ANSWER, False)
            for _ in range(EXAMPLES)
        ]
        for name in streams
    }
    reference = make_reference(model, streams)
    if reference:
        reference.prepare(context, rows)
    streams_of_step = {name: batch_of(found) for name, found in rows.items()}
    batch = UnlearnBatch(streams_of_step, reference, step=1, total_steps=2)
    return Passes(method, model, batch, selected)


def measured(names: list[str], tuning: str, rounds: int) -> dict[str, Any]:
    """Return of every method its passes, and its seconds beside those of gradient ascent."""
    model = make_model(tuning)
    arms = {}
    for name in names:
        kind = registry().get("methods", name)
        arms[name] = passes(kind(kind.Config()), model)
    counted = {name: arm.counted() for name, arm in arms.items()}
    found = alternate(arms, rounds)
    least = {name: min(row["seconds"]) for name, row in found.items()}
    return {
        name: row | counted[name] | {"times_gradient_ascent": round(least[name] / least[FIRST], 2)}
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
    losses = sorted(name for name, kind in kinds.items() if issubclass(kind, LossMethod))
    names = [FIRST, *(name for name in losses if name not in (FIRST, *OWN_EXAMPLES))]
    results = {tuning: measured(names, tuning, options.rounds) for tuning in ("full", "lora")}
    print("| CPU seconds of a batch, times gradient ascent's | full | lora |\n|---|---|---|")
    for name in names:
        cells = [f"{results[tuning][name]['times_gradient_ascent']:.2f}" for tuning in results]
        print(f"| `{name}` | {' | '.join(cells)} |")
    write(options, {"machine": machine(), "rounds": options.rounds, **results})


if __name__ == "__main__":
    main()
