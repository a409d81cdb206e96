"""What is said of two boards' orders: one board against itself, and two."""

import importlib
import json
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "benchmarks"))


@pytest.fixture
def order(monkeypatch, capsys):
    def found(*models):
        results = str(REPOSITORY / "results" / "published")
        monkeypatch.setattr(sys, "argv", ["order", *models, "--results", results])
        importlib.import_module("order_of_methods").main()
        return json.loads(capsys.readouterr().out)

    return found


@pytest.mark.slow
def test_an_order_agrees_with_itself(order):
    found = order("tiny", "tiny")
    count = len(found["methods"])
    assert found["spearman"] == 1
    assert found["pairs"] == found["same order"] == count * (count - 1) / 2
    assert found["significant on both"] == found["significant on both, in the same order"] > 0


@pytest.mark.slow
def test_two_boards_are_compared_by_the_methods_of_both(order):
    found = order("tiny", "smollm2-135m")
    assert -1 < found["spearman"] < 1
    assert found["significant on both, in the same order"] <= found["significant on both"]
    counts = (found["significant on the first"], found["significant on the second"])
    assert found["significant on both"] <= min(counts)
