"""docs/methods.md says what the code says."""

import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "methods.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def script():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(DOCS))
        yield runpy.run_path(str(DOCS / "method_tables.py"))


def test_the_tables_are_those_of_the_code(script):
    fix = "write them anew: python docs/method_tables.py docs/methods.md"
    assert script["renewed"](PAGE) == PAGE, fix


def test_tables_are_replaced_and_the_rest_stays(script):
    begin, end = script["BEGIN"], script["END"]
    outdated = f"By hand.\n{begin}\n| `gone` |\n{end}\nAlso by hand.\n"
    found = script["renewed"](outdated)
    assert "gone" not in found
    assert found.startswith(f"By hand.\n{begin}\n")
    assert found.endswith(f"{end}\nAlso by hand.\n")
    assert script["renewed"](found) == found
    with pytest.raises(ValueError, match="lacks the marks"):
        script["renewed"]("By hand.")


def test_a_row_has_loss_needs_evidence_passes_and_measured_cost(script):
    full = {"forward": 2.0, "backward": 2.0, "times_gradient_ascent": 2}
    lora = {"forward": 3.0, "backward": 2.0, "times_gradient_ascent": 2.5}
    row = script["_method"]("kl", {"full": {"kl": full}, "lora": {"kl": lora}})
    assert row[1].startswith("Loss: − forget_weight · NLL(forget)")
    assert row[2] == "retain set, reference logits (retain)"
    assert "2310.10683" in row[3]
    assert row[4] == "oracle: [test_kl.py](../tests/methods/test_kl.py)"
    assert row[5:] == ["`paper`, `released-code`", "2 + 2 / 3 + 2", "2.00 / 2.50"]
    assert script["_method"]("kl", {"full": {}, "lora": {}})[6:] == ["", ""]


def test_text_is_escaped_and_empty_columns_are_left_out(script):
    assert script["escaped"]("p(y|x) g* y_<i") == r"p(y\|x) g\* y_\<i"
    assert script["table"](("a", "b", "c"), [["1", "", ""], ["", "", "2"]]) == [
        "| a | c |",
        "|---|---|",
        "| 1 |  |",
        "|  | 2 |",
    ]
