"""What is measured on TOFU: forget quality, model utility, and what else the field reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from unharness import Composite, MetricUse


def _forget(metric: str, label: str, **options: Any) -> MetricUse:
    """Return a column of what is forgotten; best where it is as the retrained model's."""
    options.setdefault("direction", "match_reference")
    return MetricUse(metric, "forget", label=f"forget_{label}", **options)


def _utility(split: str, probability: str, correct: str) -> tuple[MetricUse, ...]:
    """Return the three numbers that model utility takes of a split (section 2.2.2 of the paper).

    Args:
        split: evaluated.
        probability: of the answer, or of the answer among the options.
        correct: what the truth ratio takes for right.
    """
    detail = split != "retain_eval"
    name = split.removesuffix("_eval")
    return (
        MetricUse(probability, split, label=f"{name}_probability", detail=detail),
        MetricUse("rouge_l_text", split, label=f"{name}_rouge_recall", detail=detail),
        MetricUse(
            "truth_ratio",
            split,
            label=f"{name}_truth_ratio",
            detail=detail,
            aggregate="true_better",
            correct=correct,
        ),
    )


UTILITY = (
    *_utility("retain_eval", "probability", "paraphrase"),
    *_utility("real_authors", "option_probability", "answer"),
    *_utility("world_facts", "option_probability", "answer"),
)
METRICS: tuple[MetricUse | Composite, ...] = (
    MetricUse("forget_quality", "forget", label="forget_quality"),
    Composite(
        "model_utility",
        "harmonic_mean",
        tuple(str(use.label) for use in UTILITY),
        axis="utility",
    ),
    _forget("truth_ratio", "truth_ratio"),
    _forget("probability", "probability"),
    _forget("rouge_l_text", "rouge_recall"),
    _forget("extraction_strength", "extraction_strength"),
    _forget("exact_memorisation", "memorised"),
    _forget("privleak", "privleak", against="holdout", direction=None),
    *UTILITY,
    _forget("attack_auc", "auc_min_k", against="holdout", detail=True),
    _forget("attack_auc", "auc_loss", against="holdout", attack="loss", detail=True),
    _forget("attack_auc", "auc_zlib", against="holdout", attack="zlib", detail=True),
    _forget("attack_auc", "auc_min_k_pp", against="holdout", attack="min_k_pp", detail=True),
    _forget("forget_quality_d", "quality_d", direction=None, detail=True),
    _forget("paraphrase_probability", "paraphrase_probability", detail=True),
    _forget("rouge_l_text", "rouge_f1", measure="f1", detail=True),
    _forget("refusal_share", "refusals", detail=True),
    _forget("repetition", "repetition", direction=None, detail=True),
    _forget("exact_memorisation", "unmemorised", complement=True, detail=True),
    MetricUse("exact_memorisation", "retain_eval", label="retain_memorised", detail=True),
    MetricUse("repetition", "retain_eval", label="retain_repetition", detail=True),
    MetricUse("choice_accuracy", "real_authors", label="real_authors_accuracy", detail=True),
    MetricUse("choice_accuracy", "world_facts", label="world_facts_accuracy", detail=True),
)

COLUMN_PRESETS: Mapping[str, Sequence[str]] = {
    "tofu-paper": (
        *("forget_quality", "model_utility"),
        *("forget_probability", "forget_rouge_recall", "forget_truth_ratio"),
        *(str(use.label) for use in UTILITY),
    ),
    "open-unlearning": (
        *("forget_quality", "model_utility", "forget_truth_ratio", "forget_probability"),
        *("forget_rouge_recall", "forget_privleak", "forget_extraction_strength"),
    ),
}
"""The columns of the paper, and those that open-unlearning shows by default (arXiv 2506.12618)."""
