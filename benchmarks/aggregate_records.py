"""How long the leaderboard takes over many records: made of one real record, over and over.

python benchmarks/aggregate_records.py --out benchmarks/aggregate_records.json
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
import time
from pathlib import Path

from unharness.cli.collector import collector_paused
from unharness.records.collection import load_records
from unharness.records.record import RunRecord
from unharness.records.run_file import file_of
from unharness.records.stage_specs import IDENTITY_VERSION
from unharness.records.store import RECORD_FILE, RecordStore
from unharness.report.build import build_board
from unharness.report.formats import to_json

METHODS = 40
SEEDS = 25


def fill(store: RecordStore, like: list[RunRecord], count: int) -> None:
    """Write records of many methods, seeds and settings, all as large as real ones."""
    for at in range(count):
        record = like[at % len(like)]
        method, rest = divmod(at, SEEDS * (count // METHODS // SEEDS or 1))
        setting, seed = divmod(rest, SEEDS)
        spec = record.spec.changed(method=f"method-{method}", seed=seed, config={"lr": setting + 1})
        identity = {"run_id": spec.run_id(), "identity_version": IDENTITY_VERSION}
        copy = record.model_copy(update={"spec": spec, **identity})
        path = store.folder(spec) / RECORD_FILE
        path.parent.mkdir(parents=True)
        path.write_text(file_of(copy).model_dump_json())


def main() -> None:
    """Make the records, and measure the CPU time of the board and its JSON, thrice."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--like", type=Path, default=Path("results/published"))
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    like = load_records(options.like)
    with tempfile.TemporaryDirectory() as folder:
        store = RecordStore(folder)
        fill(store, like, options.records)
        size = sum(path.stat().st_size for path in store.paths())
        seconds = []
        for _ in range(3):
            began = time.process_time()
            with collector_paused():  # as 'unharness leaderboard' does
                board = build_board(store)
                text = to_json(board)
            seconds.append(time.process_time() - began)
    found = {
        "machine": f"{platform.machine()}, cpu",
        "records": options.records,
        "megabytes": round(size / 1e6, 1),
        "rows": sum(len(group.rows) for group in board.groups),
        "json_megabytes": round(len(text) / 1e6, 1),
        "cpu_seconds": [round(one, 3) for one in seconds],
        "best": round(min(seconds), 3),
    }
    print(json.dumps(found, indent=1))
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
