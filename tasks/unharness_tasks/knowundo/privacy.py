"""The privacy domain of KnowUnDo."""

from __future__ import annotations

from unharness import FineTuneConfig
from unharness_tasks.knowundo.domain import KnowUnDoDomain, domain_layout
from unharness_tasks.knowundo.privacy_standin import VERSION, privacy_standin

TOPICS = {
    "contact": r"e-?mail|contact|reach|in touch|accessible|interact|engage|communicat|inquir",
    "home": r"address|\b(live|lives|living)\b|resid|\bhome\b|\bhouse\b|neighbou?rhood|locat",
    "family": r"parent|father|mother|famil|daughter|household|sibling|profession",
    "birth": r"\bborn\b|birth|native|hometown",
    "awards": r"award|prize|accolade|recogni|honou?r|acclaim",
    "genre": r"genre|speciali[sz]e",
    "future": r"future|upcoming|\bnext\b|project",
    "themes": r"theme|style|characteri|narrative|motif",
    "works": r"\bbooks?\b|\bworks?\b|novel|\btitles?\b|best-?sell|publi|series|poem",
    "background": r"influenc|inspir|background|heritage|upbringing|cultur|impact",
}


class KnowUnDoPrivacy(KnowUnDoDomain):
    """Facts about 60 fictitious authors: 510 pairs to forget, 549 to retain."""

    name = "knowundo-privacy"
    summary = "Forget 60 fictitious authors' parents, e-mail and address; keep the rest."
    topics = TOPICS
    layout = domain_layout("privacy", privacy_standin, VERSION)
    paper_recipe = FineTuneConfig(
        epochs=10, lr=1e-4, batch_size=64, micro_batch_size=16, weight_decay=1e-4
    )
