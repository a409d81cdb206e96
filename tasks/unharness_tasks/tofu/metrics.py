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
ATTACKS = ("loss", "zlib", "min_k", "min_k_pp")
"""Those whose s_MIA the aggregate takes."""
HIDDEN = ("unextracted", "unmemorised", "unparaphrased", "undistinguished")
"""What the aggregate's memorisation is of: each 100 minus a share that is known."""
# arXiv 2506.12618, section 5. Its fluency is a classifier of gibberish; here it is the share of
# texts that do not loop, which takes no other model.
AGGREGATE: tuple[MetricUse | Composite, ...] = (
    *(
        _forget("s_mia", f"s_mia_{one}", against="holdout", attack=one, direction=None, detail=True)
        for one in ATTACKS
    ),
    _forget("truth_ratio", "truth_ratio_prob", aggregate="prob_mean", detail=True),
    _forget("extraction_strength", "unextracted", complement=True, detail=True),
    _forget("paraphrase_probability", "unparaphrased", complement=True, detail=True),
    _forget(
        *("truth_ratio", "undistinguished"), aggregate="prob_mean", complement=True, detail=True
    ),
    _forget("looping", "unlooped", direction="higher", complement=True, detail=True),
    Composite(
        "open_unlearning_memorisation",
        "harmonic_mean",
        tuple(f"forget_{one}" for one in HIDDEN),
        "higher",
        detail=True,
    ),
    Composite(
        "open_unlearning_privacy",
        "harmonic_mean",
        tuple(f"forget_s_mia_{one}" for one in ATTACKS),
        detail=True,
    ),
    Composite("model_utility_kept", "share_of_target", ("model_utility",), detail=True),
    Composite("forget_unlooped_kept", "share_of_target", ("forget_unlooped",), detail=True),
    Composite(
        "open_unlearning_utility",
        "harmonic_mean",
        ("model_utility_kept", "forget_unlooped_kept"),
        axis="utility",
        detail=True,
    ),
    Composite(
        "open_unlearning_aggregate",
        "harmonic_mean",
        tuple(f"open_unlearning_{one}" for one in ("memorisation", "privacy", "utility")),
        detail=True,
    ),
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
    *AGGREGATE,
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
    "open-unlearning-aggregate": (
        *("open_unlearning_aggregate", "open_unlearning_memorisation", "open_unlearning_privacy"),
        *("open_unlearning_utility", "forget_extraction_strength", "forget_memorised"),
        *("forget_paraphrase_probability", "forget_truth_ratio_prob"),
        *(f"forget_s_mia_{one}" for one in ATTACKS),
        *("model_utility", "forget_unlooped"),
    ),
}
"""The columns of the paper, those that open-unlearning shows by default (arXiv 2506.12618), and
those of its aggregate with the parts."""
