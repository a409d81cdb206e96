"""A training that collapses, with denormal numbers taken for 0 and with them as they are.

One thread, so that the training alone decides. Preference against refusals on `tiny`, at a rate
that is far too high, as the search ranges of `unharness tune` allow it.

    python benchmarks/denormals.py --data ../shared/data --model tiny --rounds 2 \
        --out benchmarks/results/denormals.json
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from alternating import alternate, machine
from real_questions import parser, write

import unharness
from unharness.cli.run import calm_libraries
from unharness.training import loop
from unharness.training.denormals import denormals_as_zero

METHOD = "dpo-idk"
SETTINGS = {"lr": 0.0255, "retain_weight": 37.6, "beta": 0.258}


def main() -> None:
    """Time both, check that they end in the same weights, and write the ratio."""
    words = parser(__doc__)
    words.add_argument("--epochs", type=int, default=4)
    options = words.parse_args()
    torch.set_num_threads(1)
    hashes: dict[str, set[str]] = {}

    def arm(name: str, mode: Callable[[], Any], folder: str) -> Callable[[], float]:
        def run() -> float:
            setattr(loop, "denormals_as_zero", mode)  # noqa: B010 - not one of its public names
            record = unharness.run(
                METHOD,
                options.task,
                model=options.model,
                data=options.data,
                suite="none",
                epochs=options.epochs,
                results=folder,
                force=True,
                progress=False,
                hyperparameters=SETTINGS,
            )
            weights = record.training and record.training.weights_hash
            seconds = record.cost.train_seconds
            assert weights
            assert seconds
            hashes.setdefault(name, set()).add(weights)
            return seconds

        return run

    with tempfile.TemporaryDirectory() as folder:
        found = alternate(
            {
                "as they are": arm("as they are", nullcontext, folder),
                "as zero": arm("as zero", denormals_as_zero, folder),
            },
            options.rounds,
        )
    facts = {"method": METHOD, "settings": SETTINGS, "epochs": options.epochs}
    equal = len(set.union(*hashes.values())) == 1
    found = {"model": options.model, **facts, "machine": machine(), **found, "same weights": equal}
    print(json.dumps(found))
    write(options, found)


if __name__ == "__main__":
    calm_libraries(False)
    main()
