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
        Ref(
            "unharness_metrics.memorisation:ExactMemorisation",
            name="exact_memorisation",
            summary="Share of answer tokens that are predicted, with or without the separator's.",
        ),
        Ref(
            "unharness_metrics.memorisation:ExtractionStrength",
            name="extraction_strength",
            summary="Share of an answer, from its end, that is predicted without a miss.",
        ),
        Ref(
            "unharness_metrics.likelihood:Probability",
            name="probability",
            summary="Geometric mean of the probabilities of an answer's tokens.",
        ),
        Ref(
            "unharness_metrics.likelihood:AnswerNats",
            name="answer_nats",
            summary="Mean negative log-probability of an answer's tokens, nats.",
        ),
        Ref(
            "unharness_metrics.repetition:Repetition",
            name="repetition",
            summary="Share of a generated text's n-grams that it repeats.",
        ),
        Ref(
            "unharness_metrics.repetition:Looping",
            name="looping",
            summary="Share of generated texts that repeat an n-gram more than three times.",
        ),
        Ref(
            "unharness_metrics.truth_ratio:TruthRatio",
            name="truth_ratio",
            summary="How little the right answer stands out among wrong ones.",
        ),
        Ref(
            "unharness_metrics.forget_quality:ForgetQuality",
            name="forget_quality",
            summary="log10 p that per-example values are distributed as a retrained model's.",
        ),
        Ref(
            "unharness_metrics.forget_quality:ForgetQualityD",
            name="forget_quality_d",
            summary="Kolmogorov-Smirnov distance of per-example values from a retrained model's.",
        ),
        Ref(
            "unharness_metrics.membership:RetrainedAUC",
            name="auc_retrained",
            summary="AUC that tells the model's losses from the retrained model's; 50: it cannot.",
        ),
        Ref(
            "unharness_metrics.membership:MembershipAUC",
            name="membership_auc",
            summary="AUC of a membership attack on a split, set against a holdout.",
        ),
        Ref(
            "unharness_metrics.divergence:Divergence",
            name="divergence",
            summary="KL from the retrained model's predictions to the model's, nats a token.",
        ),
    ]
