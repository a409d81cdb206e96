"""Names the built-in metrics without importing them, so that a listing costs nothing."""

from __future__ import annotations

from unharness import Ref, hookimpl


@hookimpl
def unharness_metrics() -> list[Ref]:
    """Return the built-in metrics."""
    return [
        Ref(
            "unharness_metrics.teacher_forced:TokenAccuracy",
            name="token_accuracy",
            summary="Share of answer tokens that are predicted under teacher forcing.",
        ),
        Ref(
            "unharness_metrics.teacher_forced:Perplexity",
            name="perplexity",
            summary="exp of the mean negative log-probability of the answers' tokens.",
        ),
        Ref(
            "unharness_metrics.rouge:RougeLForced",
            name="rouge_l_forced",
            summary="ROUGE-L F1 of the most likely tokens under teacher forcing.",
        ),
        Ref(
            "unharness_metrics.rouge:RougeL",
            name="rouge_l",
            summary="ROUGE-L F1 of generated answers.",
        ),
    ]
