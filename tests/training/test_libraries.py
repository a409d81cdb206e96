"""What is imported once is not walked through at every collection."""

import gc
import sys
from types import SimpleNamespace


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
