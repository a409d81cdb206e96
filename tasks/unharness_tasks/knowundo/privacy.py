"""The privacy domain of KnowUnDo."""

from __future__ import annotations

from unharness import DataSource, FineTuneConfig, HubDataset, PairsLayout, StandIn, Task, TaskData
from unharness_tasks.knowundo.privacy_standin import VERSION, privacy_standin

STANDIN_SEED = 0

LAYOUT = PairsLayout(
    folder="knowundo/privacy",
    files={
        "forget_train": "unlearn_train.json",
        "forget_eval": "unlearn_val.json",
        "retain_train": "retention_train.json",
        "retain_eval": "retention_val.json",
    },
    prompt_key="text",
    answer_key="labels",
    hub=HubDataset(
        repository="zjunlp/KnowUnDo",
        config="privacy",
        columns={
            "forget_train": ("unlearn", "train"),
            "forget_eval": ("unlearn", "val"),
            "retain_train": ("retention", "train"),
            "retain_eval": ("retention", "val"),
        },
    ),
    standin=StandIn(
        make=lambda: privacy_standin(STANDIN_SEED),
        description=f"bundled stand-in, generator version {VERSION}, seed {STANDIN_SEED}",
    ),
)


class KnowUnDoPrivacy(Task):
    """Facts about 60 fictitious authors: 510 pairs to forget, 549 to retain."""

    name = "knowundo-privacy"
    summary = "Forget 60 fictitious authors' parents, e-mail and address; keep the rest."
    citation = "Tian et al. 2024, To Forget or Not?, arXiv 2407.01920; MIT-licensed data"
    metrics = (
        "unlearn_success",
        "retention_success",
        "success_avg",
        "unlearn_ppl",
        "retention_ppl",
        "unlearn_rouge_l_forced",
        "retention_rouge_l_forced",
        "unlearn_rouge_l",
        "retention_rouge_l",
    )
    headline = "success_avg"

    def load(self, source: DataSource) -> TaskData:
        """Read the pairs: a folder, the cache, the hub, or the bundled stand-in."""
        return source.load(LAYOUT)

    def target_recipe(self, model: str) -> FineTuneConfig:
        """Return the paper's table 7 (batch 16 x 4, lr 1e-4, 10 epochs), and one for `tiny`."""
        if model == "tiny":
            return FineTuneConfig(epochs=22, lr=4e-3, batch_size=16, warmup_ratio=0.15)
        return FineTuneConfig(
            epochs=10, lr=1e-4, batch_size=64, micro_batch_size=16, weight_decay=1e-4
        )
