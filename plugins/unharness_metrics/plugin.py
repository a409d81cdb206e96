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
        Ref(
            "unharness_metrics.options:OptionProbability",
            name="option_probability",
            summary="Probability of the right answer among the given ones.",
        ),
        Ref(
            "unharness_metrics.options:ChoiceAccuracy",
            name="choice_accuracy",
            summary="Share of examples whose right choice is the most likely.",
        ),
        Ref(
            "unharness_metrics.paraphrase:ParaphraseProbability",
            name="paraphrase_probability",
            summary="Probability of a paraphrased answer, or of one to a paraphrased question.",
        ),
        Ref(
            "unharness_metrics.rouge_text:RougeText",
            name="rouge_l_text",
            summary="ROUGE-L recall, precision or F1 of generated text, with or without stemmer.",
        ),
        Ref(
            "unharness_metrics.rouge_text:KnowMem",
            name="knowmem",
            summary="MUSE's KnowMem: ROUGE-L F1 of answers to questions on a text.",
        ),
        Ref(
            "unharness_metrics.rouge_text:VerbMem",
            name="verbmem",
            summary="MUSE's VerbMem: ROUGE-L F1 of the continuation of a text.",
        ),
        Ref(
            "unharness_metrics.rouge_text:RougeOfSets",
            name="rouge_l_sets",
            summary="ROUGE-L over sets of words, by RWKU's package: case and marks count.",
        ),
        Ref(
            "unharness_metrics.matching:ExactMatch",
            name="exact_match",
            summary="Share of generated texts that are the answer, apart from case and marks.",
        ),
        Ref(
            "unharness_metrics.matching:KeywordMatch",
            name="keyword_match",
            summary="Share of generated texts in which the answer occurs, word after word.",
        ),
        Ref(
            "unharness_metrics.refusals:Refusal",
            name="refusal_share",
            summary="Share of generated texts that hold a refusal.",
        ),
        Ref(
            "unharness_metrics.fluency:NgramEntropy",
            name="ngram_entropy",
            summary="Entropy of generated texts' 2-grams and 3-grams, bits.",
        ),
        Ref(
            "unharness_metrics.fluency:FluencyNats",
            name="fluency_nats",
            summary="Mean negative log-probability of generated text under the base model, nats.",
        ),
        Ref(
            "unharness_metrics.fluency:FluencyProbability",
            name="fluency_probability",
            summary="Geometric mean of the base model's probabilities of generated tokens.",
        ),
        Ref(
            "unharness_metrics.fluency:LinguisticScore",
            name="linguistic_score",
            summary="ReLearn's LS: perplexity under the base model, and richness of words.",
        ),
        Ref(
            "unharness_metrics.sampling:LeakAtK",
            name="leak_at_k",
            summary="Expected score of the best of k sampled texts.",
        ),
        Ref(
            "unharness_metrics.sampling:LeakBound",
            name="leak_bound",
            summary="Upper bound of the expected score of a sampled text.",
        ),
        Ref(
            "unharness_metrics.sampling:LeakSpread",
            name="leak_spread",
            summary="Standard deviation of the scores of an example's sampled texts.",
        ),
        Ref(
            "unharness_metrics.membership_attacks:AttackAUC",
            name="attack_auc",
            summary="AUC of any membership attack, reference model and gradients included.",
        ),
        Ref(
            "unharness_metrics.membership_attacks:AttackTPR",
            name="attack_tpr",
            summary="Share of a split that a membership attack finds at 1% false positives.",
        ),
        Ref(
            "unharness_metrics.membership_attacks:AttackBalance",
            name="attack_balance",
            summary="100 where a membership attack's AUC is 50, 0 where it is 0 or 100.",
        ),
        Ref(
            "unharness_metrics.membership_attacks:PrivLeak",
            name="privleak",
            summary="How far a membership attack's AUC is from the retrained model's; 0 is ideal.",
        ),
        Ref(
            "unharness_metrics.membership_attacks:SMIA",
            name="s_mia",
            summary="Nearness of a membership attack's AUC to the retrained model's.",
        ),
        Ref(
            "unharness_metrics.logged:LoggedShare",
            name="logged_share",
            summary="Mean of a share that an evaluation log holds by example.",
        ),
        Ref(
            "unharness_metrics.logit_lens:LogitLensScore",
            name="logit_lens",
            summary="Share of the target's knowledge that is gone at every depth, by logit lens.",
        ),
    ]


@hookimpl
def unharness_observers() -> list[Ref]:
    """Return the observers that some of them need."""
    return [
        Ref(
            "unharness_metrics.gradient_norm:GradientNormObserver",
            name="gradient_norm",
            summary="Norm of the gradient of an answer's loss, mean over the model's tensors.",
        ),
        Ref(
            "unharness_metrics.text_likelihood:TextLikelihoodObserver",
            name="text_likelihood",
            summary="Token scores of the model's greedy text under the base, target or retrained "
            "model.",
        ),
        Ref(
            "unharness_metrics.logged:LoggedObserver",
            name="logged",
            summary="Numbers by example that an evaluation log holds.",
        ),
        Ref(
            "unharness_metrics.logit_lens:LogitLensObserver",
            name="logit_lens",
            summary="Log-probability of answers, decoded from every block of model, target and "
            "retrained.",
        ),
    ]


@hookimpl
def unharness_logs() -> list[Ref]:
    """Return the formats of evaluation logs that are read."""
    return [
        Ref(
            "unharness_metrics.log_unharness:UnharnessLog",
            name="unharness",
            summary="The documented format: numbers by example, splits by role (docs/metrics.md).",
        ),
        Ref(
            "unharness_metrics.log_tofu:TofuLog",
            name="tofu",
            summary="eval_log_aggregated.json of TOFU's code (locuslab/tofu).",
        ),
        Ref(
            "unharness_metrics.log_tofu:OpenUnlearningLog",
            name="open-unlearning",
            summary="TOFU_EVAL.json or MUSE_EVAL.json of OpenUnlearning.",
        ),
    ]
