"""What tests of the conformance suites share."""

from collections.abc import Callable
from typing import Any

import pytest


def failed(suite: type[Any]) -> set[str]:
    """Run a suite's checks as pytest would; return the names of those that fail."""
    found = set()
    for name in (one for one in dir(suite) if one.startswith("test_")):
        marks = getattr(getattr(suite, name), "pytestmark", [])
        [places] = [mark.args for mark in marks if mark.name == "parametrize"] or [("", [None])]
        for value in places[1]:
            try:
                getattr(suite(), name)(**({places[0]: value} if places[0] else {}))
            except pytest.skip.Exception:
                continue
            except (Exception, pytest.fail.Exception):
                found.add(name)
    return found


@pytest.fixture(scope="session")
def failed_checks() -> Callable[[type[Any]], set[str]]:
    """failed_checks(suite) -> the names of the checks that fail."""
    return failed
