"""What the core itself registers: metrics, suites, engines, models, executors."""

from __future__ import annotations

from unharness.hookspecs import hookimpl
from unharness.plugins import Ref

_METRICS = "unharness.evaluation.metrics:"


@hookimpl
def unharness_metrics() -> list[Ref]:
    """Return the built-in metrics."""
    return [
        Ref(
            _METRICS + "UnlearnSuccess",
            "unlearn_success",
            "How much of the forget evaluation set's answers is no longer predicted.",
        ),
        Ref(
            _METRICS + "RetentionSuccess",
            "retention_success",
            "How much of the retain evaluation set's answers is still predicted.",
        ),
        Ref(
            _METRICS + "SuccessAverage",
            "success_avg",
            "The mean of unlearn success and retention success.",
        ),
        Ref(
            _METRICS + "UnlearnPerplexity",
            "unlearn_ppl",
            "Perplexity of the forget evaluation set's answers.",
        ),
        Ref(
            _METRICS + "RetentionPerplexity",
            "retention_ppl",
            "Perplexity of the retain evaluation set's answers.",
        ),
        Ref(
            _METRICS + "UnlearnRougeLForced",
            "unlearn_rouge_l_forced",
            "Teacher-forced ROUGE-L on the forget evaluation set (the paper's ROUGE-L).",
        ),
        Ref(
            _METRICS + "RetentionRougeLForced",
            "retention_rouge_l_forced",
            "Teacher-forced ROUGE-L on the retain evaluation set (the paper's ROUGE-L).",
        ),
        Ref(
            _METRICS + "UnlearnRougeL",
            "unlearn_rouge_l",
            "ROUGE-L of generated answers on the forget evaluation set.",
        ),
        Ref(
            _METRICS + "RetentionRougeL",
            "retention_rouge_l",
            "ROUGE-L of generated answers on the retain evaluation set.",
        ),
    ]


@hookimpl
def unharness_suites() -> list[Ref]:
    """Return the built-in suites."""
    return [
        Ref(
            "unharness.evaluation.suite:GeneralFacts",
            "general-facts",
            "300 bundled facts in multiple choice; works offline.",
        ),
    ]


@hookimpl
def unharness_engines() -> list[Ref]:
    """Return the built-in engines."""
    return [
        Ref(
            "unharness.engines.hf:HfEngine",
            "hf",
            "transformers' own generate, on the model in hand; CPU or GPU.",
        ),
        Ref(
            "unharness.engines.vllm.engine:VllmEngine",
            "vllm",
            "vLLM in a process of its own, one for many models; GPU, or its CPU build.",
        ),
    ]


@hookimpl
def unharness_models() -> list[Ref]:
    """Return the built-in model presets."""
    return [
        Ref(
            "unharness.models.tiny:Tiny",
            "tiny",
            "A 1.3 M parameter Llama trained on this machine in about 90 s; no GPU, no hub.",
        ),
        Ref(
            "unharness.models.micro:Micro",
            "micro",
            "A two-layer Llama that learns a few dozen facts in seconds; for tests alone.",
        ),
    ]


@hookimpl
def unharness_executors() -> list[Ref]:
    """Return the built-in executors of sweeps."""
    return [
        Ref(
            "unharness.sweeping.local:Local",
            "local",
            "Worker processes on this machine, one a GPU; on a CPU they share its threads.",
        ),
        Ref(
            "unharness.sweeping.on_ray:OnRay",
            "ray",
            "Tasks on a Ray cluster; a lost node's jobs go on elsewhere.",
        ),
    ]
