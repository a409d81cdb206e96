"""The command line in this process."""

import runpy
from pathlib import Path

main_here = runpy.run_path(str(Path(__file__).parents[1] / "e2e" / "conftest.py"))["main_here"]
