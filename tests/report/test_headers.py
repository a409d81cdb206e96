"""How columns are headed."""

from unharness.report.labels import headers
from unharness.report.ranking import Column


def test_a_header_says_what_share_of_the_questions_was_asked():
    columns = [
        Column("general/mmlu", "%", "higher", sample="50 of 14042"),
        Column("general_avg", "%", "higher", sample="50 each"),
        Column("general/arc_easy", "%", "higher"),
    ]
    assert [" ".join(words) for words in headers(columns)] == [
        "General mmlu (50 of 14042) ↑",
        "General Avg (50 each) ↑",
        "General arc-easy ↑",
    ]
