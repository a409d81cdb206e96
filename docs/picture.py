"""Draw the README's terminal picture from real records: the command's own output, as SVG.

python docs/picture.py RESULTS RUN_ID docs/images/first-light.svg
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from rich.console import Console

from unharness.cli.outcome import print_outcome
from unharness.pipeline.existing import Outcome
from unharness.records.store import RecordStore
from unharness.report.build import build_board
from unharness.report.comparable import target_row_of
from unharness.report.table import print_board


def main(results: str, run_id: str, picture: str) -> None:
    """Print the run's panel and the leaderboard into a picture."""
    store = RecordStore(results)
    record, folder = store.by_id(run_id)
    console = Console(record=True, width=104, force_terminal=True, file=io.StringIO())
    spec = record.spec
    console.print(f"$ unharness run --method {spec.method} --task {spec.task}")
    shown = Path("results").joinpath(*folder.parts[-4:])
    print_outcome(Outcome(record, target_row_of(record, store), shown, False), console)
    console.print("\n$ unharness leaderboard")
    print_board(build_board(store), console)
    svg = console.export_svg(title="unharness")
    # No fonts from elsewhere: the picture must not load anything.
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    Path(picture).write_text(svg.replace("Fira Code", "DejaVu Sans Mono"))


if __name__ == "__main__":
    main(*sys.argv[1:])
