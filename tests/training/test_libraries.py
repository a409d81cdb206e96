"""What is imported once is not walked through at every collection."""

import gc
import subprocess
import sys
from types import SimpleNamespace

import pytest


def test_the_libraries_are_kept_from_the_collector_and_given_back_at_the_end(monkeypatch):
    from unharness.training import libraries

    at_exit = []
    monkeypatch.setattr(libraries, "atexit", SimpleNamespace(register=at_exit.append))
    before = gc.get_freeze_count()
    try:
        libraries.freeze_libraries.__wrapped__(adapters=False)
        assert "transformers.trainer" in sys.modules
        assert gc.get_freeze_count() > max(before, 100_000)
        assert at_exit == [gc.unfreeze]
    finally:
        gc.unfreeze()
        gc.freeze()  # as tests/conftest.py leaves it


@pytest.mark.slow
def test_they_are_imported_where_transformers_is_there_already():
    code = (
        "import sys, transformers\n"
        "from unharness.training.libraries import freeze_libraries\n"
        "freeze_libraries(adapters=False)\n"
        "assert 'transformers.trainer' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)
