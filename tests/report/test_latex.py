import re

from unharness.report.latex import escaped, to_latex
from unharness.report.rows import build_board

METRICS = {
    "unlearn_success": (90.0, 89.0, 91.0),
    "retention_success": (70.0, 69.0, 71.0),
    "success_avg": (80.0, 79.0, 81.0),
    "general/general_facts": (50.0, 49.0, 51.0),
}


def test_columns_stand_under_their_part_and_every_row_has_as_many(make_record, save):
    worse = {name: tuple(value - 20 for value in given) for name, given in METRICS.items()}
    store = save(
        make_record("vanilla", METRICS), make_record("a_b", METRICS), make_record("c", worse)
    )
    text = to_latex(build_board(store))
    assert r"\multicolumn{1}{c}{Unlearning}" in text
    assert r"\multicolumn{1}{c}{General tasks}" in text
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    width = len(re.search(r"tabular\}\{(\w+)\}", text)[1])
    assert width == 5
    assert all(len(re.split(r"(?<!\\)&", line)) == width for line in rows)
    (best,) = [line for line in rows if line.startswith(r"a\_b")]
    assert best.count(r"\textbf{") == 4
    assert r"\textbf{90.0} {\scriptsize [89.0, 91.0]}" in best
    for name in ("toprule", "midrule", "bottomrule"):
        assert rf"\{name}" in text
    assert text.count("{") == text.count("}")


def test_every_special_character_is_escaped():
    assert escaped(r"50% of a_b & {c} #1 ~ ^ $ \x") == (
        r"50\% of a\_b \& \{c\} \#1 \textasciitilde{} \textasciicircum{} \$ \textbackslash{}x"
    )


def test_an_empty_board_is_nothing(store):
    assert to_latex(build_board(store)) == ""
