"""How far apart are two runs of one spec on this machine? Its noise floor, by metric.

On a CPU a seed gives the same weights bit for bit, so all differences are 0; on a GPU sums are not
always made in one order. A difference between methods below this floor is none.

    python benchmarks/noise_floor.py --data ../shared/data --repeats 3
    python benchmarks/noise_floor.py --model micro --device cuda
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from unharness import RunRecord, run
from unharness.cli.run import calm_libraries

OUT = Path(__file__).parent / "results" / "noise_floor.json"


def repeated(options: argparse.Namespace) -> list[RunRecord]:
    """Run one spec several times, trained anew each time from the same target."""
    found = []
    for _ in range(options.repeats):
        with tempfile.TemporaryDirectory() as folder:
            found.append(
                run(
                    options.method,
                    options.task,
                    model=options.model,
                    data=options.data,
                    device=options.device,
                    results=folder,
                    suite="none",
                    force=True,
                )
            )
    return found


def floor(records: Sequence[RunRecord]) -> dict[str, Any]:
    """Return the largest difference of every metric between two of the runs, and of the weights."""
    hashes = {one.training.weights_hash for one in records if one.training}
    differences = {}
    for name in records[0].metrics:
        values = [one.metrics[name].value for one in records]
        known = [value for value in values if value is not None]
        pairs = itertools.combinations(known, 2)
        differences[name] = max((abs(a - b) for a, b in pairs), default=None)
    machine = records[0].provenance
    return {
        "method": records[0].spec.method,
        "task": records[0].spec.task,
        "model": records[0].spec.model,
        "device": records[0].spec.device,
        "runs": len(records),
        "same_weights": len(hashes) == 1,
        "largest_difference": differences,
        "versions": machine.get("versions", {}),
    }


def main() -> None:
    """Run, print and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--method", default="gradient-difference")
    parser.add_argument("--task", default="knowundo-privacy")
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--data", default="auto")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    found = floor(repeated(options))
    for name, value in found["largest_difference"].items():
        print(f"{name:32} {'–' if value is None else format(value, '.3g')}")
    print("weights", "equal" if found["same_weights"] else "differ")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    calm_libraries(debug=False)
    main()
