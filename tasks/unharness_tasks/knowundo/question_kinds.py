"""The kinds of KnowUnDo's questions: what they ask about, and how.

The benchmark's evaluation splits hold other kinds of question than its training splits: the latter
mostly ask directly ("Where does … live?"), the former around the facts ("What is the significance
of …'s address?"). The validation part is drawn so that it differs in the same way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from unharness import Example, QuestionKind

OTHER = "other"
FILLERS = {
    *("a", "an", "and", "any", "are", "been", "can", "currently", "did", "do", "does", "for"),
    *("had", "has", "have", "her", "his", "in", "is", "of", "one", "or", "please", "some", "the"),
    *("their", "to", "was", "were", "you"),
}
LOOKED_AT = 6
"""Words of a question that are looked at for its form."""


def question_kind(example: Example, topics: Mapping[str, str]) -> QuestionKind:
    """Return the kind of an example's question.

    The stand-in says it itself. Of other data the topic is the first whose pattern the question
    matches; the form is the question's first word and the first content word near its beginning
    ("what email", "how parents", "who").

    Args:
        example: with the names of people and works in it.
        topics: regular expressions by topic, matched in their order against the lower-cased
            question.
    """
    if "kind" in example.meta and "phrasing" in example.meta:
        return QuestionKind(str(example.meta["kind"]), str(example.meta["phrasing"]))
    question = example.prompt.lower()
    topic = next((name for name, found in topics.items() if re.search(found, question)), OTHER)
    return QuestionKind(topic, question_form(example.prompt))


def question_form(question: str) -> str:
    """Return the first word of a question, and the first content word of the next few.

    Names (capitalized words), possessives, auxiliaries and the plural's "s" are passed over, so
    that it is the same whoever is asked about.
    """
    first, *rest = question.split()[:LOOKED_AT] or [""]
    words = [word.strip('"“”?,.;:!') for word in rest]
    content = (
        word.rstrip("s")
        for word in words
        if word[:1].islower() and not re.search("['’]", word) and word not in FILLERS
    )
    return " ".join([first.lower().strip('"“”?,.;:!'), *list(content)[:1]])
