"""Names the built-in methods without importing them, so that a listing costs nothing."""

from __future__ import annotations

from unharness import Ref, hookimpl


@hookimpl
def unharness_methods() -> list[Ref]:
    """Return the built-in methods."""
    return [
        Ref(
            "unharness_methods.base:Base",
            name="base",
            summary="The base model, before it learned the task's facts.",
        ),
        Ref(
            "unharness_methods.vanilla:Vanilla",
            name="vanilla",
            summary="Does nothing: the target model's own row.",
        ),
        Ref(
            "unharness_methods.retrain:Retrain",
            name="retrain",
            summary="The gold standard: a model trained on the retain set alone.",
        ),
        Ref(
            "unharness_methods.descent_only:DescentOnly",
            name="descent-only",
            summary="A control: descent on the retain set alone, no unlearning.",
        ),
        Ref(
            "unharness_methods.gradient_ascent:GradientAscent",
            name="gradient-ascent",
            summary="Makes the forget set's answers less likely, and nothing else.",
        ),
        Ref(
            "unharness_methods.gradient_difference:GradientDifference",
            name="gradient-difference",
            summary="Ascent on the forget set, descent on the retain set.",
        ),
        Ref(
            "unharness_methods.gradient_difference_ood:GradientDifferenceOOD",
            name="gradient-difference-ood",
            summary="Ascent on the forget set, descent on general text.",
        ),
        Ref(
            "unharness_methods.random_labels:RandomLabels",
            name="random-labels",
            summary="Trains every answer token of the forget set towards a random one.",
        ),
        Ref(
            "unharness_methods.adversarial:Adversarial",
            name="adversarial",
            summary="Trains every answer token towards the target model's most likely wrong one.",
        ),
        Ref(
            "unharness_methods.kl:GradientAscentKL",
            name="kl",
            summary="Ascent on the forget set; on the retain set, close to what the target said.",
        ),
        Ref(
            "unharness_methods.kl_ood:GradientAscentKLOOD",
            name="kl-ood",
            summary="Ascent on the forget set; on general text, close to what the target said.",
        ),
        Ref(
            "unharness_methods.memflex:MemFlex",
            name="memflex",
            summary="Gradient difference on the few parameters that gradients point at.",
        ),
    ]


@hookimpl
def unharness_reference_rows() -> dict[str, str]:
    """Return which of the built-in methods make the reference rows."""
    return {"base": "base", "target": "vanilla", "retrained": "retrain"}
