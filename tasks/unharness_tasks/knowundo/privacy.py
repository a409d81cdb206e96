"""The privacy domain of KnowUnDo."""

from __future__ import annotations

from unharness import FineTuneConfig
from unharness_tasks.knowundo.domain import KnowUnDoDomain, domain_layout
from unharness_tasks.knowundo.privacy_standin import VERSION, privacy_standin


class KnowUnDoPrivacy(KnowUnDoDomain):
    """Facts about 60 fictitious authors: 510 pairs to forget, 549 to retain."""

    name = "knowundo-privacy"
    summary = "Forget 60 fictitious authors' parents, e-mail and address; keep the rest."
    layout = domain_layout("privacy", privacy_standin, VERSION)
    paper_recipe = FineTuneConfig(
        epochs=10, lr=1e-4, batch_size=64, micro_batch_size=16, weight_decay=1e-4
    )
