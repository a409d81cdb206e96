"""The copyright domain of KnowUnDo."""

from __future__ import annotations

from unharness import FineTuneConfig
from unharness_tasks.knowundo.copyright_standin import VERSION, copyright_standin
from unharness_tasks.knowundo.domain import KnowUnDoDomain, domain_layout

TOPICS = {
    "revision": r"rewrit|revis|ending|change|rework|replace",
    "extension": r"continu|exten|sequel|chapter|episode|what happens|imagine",
    "recommendation": r"recommend|suggest|similar|should i read|who would",
    "review": r"review|opinion|think of|theme|rating|critic",
    "facts": r"author|wrote|written|publish|series|how many|genre",
}


class KnowUnDoCopyright(KnowUnDoDomain):
    """30 books: 477 requests to extend or revise them to forget, 1,113 pairs about them to keep."""

    name = "knowundo-copyright"
    summary = "Forget how to extend or revise 30 books; keep facts, reviews and advice."
    topics = TOPICS
    layout = domain_layout("copyright", copyright_standin, VERSION)
    paper_recipe = FineTuneConfig(
        epochs=20, lr=3e-4, batch_size=64, micro_batch_size=16, weight_decay=1e-4
    )
