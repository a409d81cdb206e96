"""Draw the README's terminal picture from real records: the leaderboard's own output, as SVG.

python docs/picture.py results/published docs/images/leaderboard.svg knowundo-privacy smollm2-135m
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from rich.console import Console

from unharness.records.store import RecordStore
from unharness.report.build import build_board
from unharness.report.table import print_board


def main(results: str, picture: str, task: str, model: str) -> None:
    """Print the leaderboard of a task and model into a picture."""
    console = Console(record=True, width=104, force_terminal=True, file=io.StringIO())
    console.print(f"$ unharness leaderboard --results {results} --task {task} --model {model}")
    print_board(build_board(RecordStore(results)).narrowed((task,), (model,)), console)
    svg = console.export_svg(title="unharness")
    # No fonts from elsewhere: the picture must not load anything.
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    Path(picture).write_text(svg.replace("Fira Code", "DejaVu Sans Mono"))


if __name__ == "__main__":
    main(*sys.argv[1:])
