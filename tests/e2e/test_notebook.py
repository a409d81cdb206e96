"""The notebook in examples/ runs from its first cell to its last."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "examples" / "quickstart.ipynb"


@pytest.mark.slow
def test_the_quickstart_runs(tmp_path, environment):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells)  # committed without outputs
    NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(tmp_path)}}).execute()

    (cell,) = (cell for cell in notebook.cells if "load_board" in cell.source)
    shown = cell.outputs[-1].data["text/plain"]
    for method in ("gradient-ascent", "npo", "vanilla", "retrain"):
        assert method in shown
    assert re.search(r"vanilla .*\b0\.0+\b", shown)

    streams = "".join(
        output.text
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream"
    )
    assert "runs: 100%" in streams  # in a kernel, progress is shown
    assert "Warning" not in streams
    assert list((tmp_path / "quickstart-results").glob("*/*/npo/*/run.json"))
