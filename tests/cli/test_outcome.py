"""The panel at the end of a run."""

import io
import runpy
from pathlib import Path

from unharness.cli.outcome import print_outcome
from unharness.pipeline.existing import Outcome
from unharness.terminal import Console

build_record = runpy.run_path(str(Path(__file__).parents[1] / "report" / "records_builder.py"))[
    "build_record"
]


def test_reasons_stand_once_below_the_numbers():
    record = build_record()
    lost = list(record.metrics)[:2]
    for name in lost:
        record.metrics[name] = record.metrics[name].model_copy(
            update={"value": None, "ci95": None, "status": "nothing was scored", "detail": False}
        )
    out = io.StringIO()
    print_outcome(Outcome(record, None, Path("there"), False), Console(file=out, width=200))
    text = out.getvalue()
    assert text.count("nothing was scored") == 1
    assert f"{', '.join(lost)}: nothing was scored" in text
