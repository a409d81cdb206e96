"""Records to compare, and the command line in this process."""

import runpy
from pathlib import Path

_shared = runpy.run_path(str(Path(__file__).parents[1] / "cli" / "conftest.py"))
make_record, store, save, call = (
    _shared[name] for name in ("make_record", "store", "save", "call")
)
