"""Records to return."""

import runpy
from pathlib import Path

_builder = runpy.run_path(str(Path(__file__).parents[1] / "report" / "records_builder.py"))
make_record, store, save = (_builder[name] for name in ("make_record", "store", "save"))
