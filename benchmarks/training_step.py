"""An optimizer step of the harness against one of the released recipe, on real questions.

The released recipe passes one example at a time, padded to 256 tokens, with logits at every
position, on a CPU in float32, and adds up 16 of them. The harness passes the 16 together, padded to
their longest, with logits where a token is scored. Both have the same gradient:
tests/benchmarks/test_speed.py.

    python benchmarks/training_step.py --data ../shared/data \
        --out benchmarks/results/training_step.json
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Sequence
from typing import Any

import torch
from alternating import alternate
from real_questions import BATCH, MAX_LENGTH, Subject, by_tuning, parser
from released_recipe import released_step

from unharness.cli.run import calm_libraries
from unharness.data.batches import collate, padded
from unharness.data.encoding import Encoded
from unharness.data.recipe import FineTuneConfig
from unharness.training.likelihood import sequence_nll
from unharness.training.loop import train


def released(model: Any, batches: Sequence[Sequence[Encoded]], pad: int) -> Callable[[], None]:
    """Return what takes a step for every batch as the released recipe does."""
    if next(model.parameters()).device.type == "cpu":
        model = copy.deepcopy(model).float()
    model.train()
    movable = [value for value in model.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(movable, lr=1e-5, weight_decay=0.0)
    device = movable[0].device

    def run() -> None:
        for batch in batches:
            alone = [padded(collate([row], pad), MAX_LENGTH, pad).to(device) for row in batch]
            released_step(model, alone)
            torch.nn.utils.clip_grad_norm_(movable, 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        if device.type == "cuda":
            torch.cuda.synchronize()

    return run


def harness(subject: Subject, rows: Sequence[Encoded]) -> Callable[[], float]:
    """Return what takes the same steps by the harness's own loop; set-up does not count."""
    config = FineTuneConfig(epochs=1, lr=1e-5, batch_size=BATCH)

    def run() -> float:
        steps = subject.epoch(rows)
        log = train(
            subject.model,
            steps,
            lambda current, batch: sequence_nll(current, batch).mean(),
            config,
            seed=0,
            precision=subject.precision,
        )
        return log.seconds

    return run


def figures(subject: Subject, steps: int, rounds: int) -> dict[str, Any]:
    """Return the seconds of both ways over the same steps, and their ratio."""
    pad, everything = subject.tokenizer.pad_token_id, subject.encoded()
    rows = random.Random(0).sample(everything, min(len(everything), BATCH * steps))
    batches = [rows[at : at + BATCH] for at in range(0, len(rows), BATCH)]
    arms = {
        "released": released(subject.model, batches, pad),
        "unharness": harness(subject, rows),
    }
    return {"steps": len(batches)} | alternate(arms, rounds)


def main() -> None:
    """Time both for full tuning and LoRA, and write the ratios."""
    words = parser(__doc__)
    words.add_argument("--steps", type=int, default=3, help="optimizer steps a round")
    options = words.parse_args()
    by_tuning(options, lambda subject: figures(subject, options.steps, options.rounds))


if __name__ == "__main__":
    calm_libraries(False)
    main()
