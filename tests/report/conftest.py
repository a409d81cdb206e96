"""Records to compare."""

import runpy
from pathlib import Path

_builder = runpy.run_path(str(Path(__file__).with_name("records_builder.py")))
make_record, store, save, save_numbers = (
    _builder[name] for name in ("make_record", "store", "save", "save_numbers")
)
