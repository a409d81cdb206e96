"""Names the built-in methods without importing them, so that a listing costs nothing."""

from __future__ import annotations

from collections.abc import Sequence

from unharness import Ref, hookimpl


def _ref(
    path: str,
    name: str,
    summary: str,
    family: str,
    *needs: str,
    evidence: Sequence[str] = ("oracle",),
) -> Ref:
    """Return a Ref with what the class says of itself; a test compares the two."""
    listed = {"family": family, "needs": list(needs), "evidence": list(evidence)}
    return Ref(f"unharness_methods.{path}", name, summary, listed)


@hookimpl
def unharness_methods() -> list[Ref]:
    """Return the built-in methods."""
    return [
        _ref(
            "base:Base",
            "base",
            "The base model, before it learned the task's facts.",
            "reference rows",
            "base model",
            evidence=(),
        ),
        _ref(
            "vanilla:Vanilla",
            "vanilla",
            "Does nothing: the target model's own row.",
            "reference rows",
            evidence=(),
        ),
        _ref(
            "retrain:Retrain",
            "retrain",
            "The gold standard: a model trained on the retain set alone.",
            "reference rows",
            "base model",
            evidence=(),
        ),
        _ref(
            "descent_only:DescentOnly",
            "descent-only",
            "A control: descent on the retain set alone, no unlearning.",
            "control",
            "retain set",
        ),
        _ref(
            "gradient_ascent:GradientAscent",
            "gradient-ascent",
            "Makes the forget set's answers less likely, and nothing else.",
            "gradient ascent",
        ),
        _ref(
            "gradient_difference:GradientDifference",
            "gradient-difference",
            "Ascent on the forget set, descent on the retain set.",
            "gradient ascent",
            "retain set",
        ),
        _ref(
            "gradient_difference_ood:GradientDifferenceOOD",
            "gradient-difference-ood",
            "Ascent on the forget set, descent on general text.",
            "gradient ascent",
            "general text",
        ),
        _ref(
            "random_labels:RandomLabels",
            "random-labels",
            "Trains every answer token of the forget set towards a random one.",
            "relabelling",
        ),
        _ref(
            "adversarial:Adversarial",
            "adversarial",
            "Trains every answer token towards the target model's most likely wrong one.",
            "relabelling",
        ),
        _ref(
            "kl:GradientAscentKL",
            "kl",
            "Ascent on the forget set; on the retain set, close to what the target said.",
            "gradient ascent",
            "retain set",
            "reference logits (retain)",
        ),
        _ref(
            "kl_ood:GradientAscentKLOOD",
            "kl-ood",
            "Ascent on the forget set; on general text, close to what the target said.",
            "gradient ascent",
            "general text",
            "reference logits (general)",
        ),
        _ref(
            "memflex:MemFlex",
            "memflex",
            "Gradient difference on the few parameters that gradients point at.",
            "localisation",
            "retain set",
            "gradients before training",
        ),
        _ref(
            "npo:NPO",
            "npo",
            "Preference against the forget set's answers, relative to the target model.",
            "preference",
            "retain set",
            "reference log_probs (forget)",
        ),
        _ref(
            "simnpo:SimNPO",
            "simnpo",
            "Preference against the forget set's answers by their likelihood per token.",
            "preference",
            "retain set",
        ),
        _ref(
            "dpo_idk:DPOIDK",
            "dpo-idk",
            "Preference for a refusal over every answer of the forget set.",
            "preference",
            "refusal answers",
            "retain set",
            "reference log_probs (forget)",
            "reference log_probs (refusal)",
        ),
        _ref(
            "idk:IDK",
            "idk",
            "Trains refusals as the answers to the forget set's questions.",
            "relabelling",
            "refusal answers",
            "retain set",
        ),
        _ref(
            "token_weights:WGA",
            "wga",
            "Ascent in which a token weighs less as it becomes less likely.",
            "token weights",
            "retain set",
        ),
        _ref(
            "token_weights:TNPO",
            "tnpo",
            "Negative preference token by token, relative to the target model.",
            "token weights",
            "retain set",
            "reference log_probs (forget)",
        ),
        _ref(
            "token_weights:WTNPO",
            "wtnpo",
            "TNPO in which unlikely tokens weigh less still.",
            "token weights",
            "retain set",
            "reference log_probs (forget)",
        ),
        _ref(
            "token_weights:SatImp",
            "satimp",
            "Ascent that weighs tokens by how likely and how uncertain they are.",
            "token weights",
            "retain set",
        ),
        _ref(
            "undial:UNDIAL",
            "undial",
            "Distils the target model with every true token's logit lowered.",
            "target distribution",
            "reference logits (forget)",
        ),
        _ref(
            "ce_u:CEU",
            "ce-u",
            "Unlikelihood of the forget set's tokens, by a gradient that fades with them.",
            "target distribution",
            "retain set",
        ),
        _ref(
            "ihl:IHL",
            "ihl",
            "Lets the best rival take the place of every token of the forget set.",
            "target distribution",
            "retain set",
        ),
        _ref(
            "max_entropy:MaxEntropy",
            "max-entropy",
            "Makes the next token of the forget set's answers as uncertain as can be.",
            "target distribution",
            "retain set",
        ),
        _ref(
            "rmu:RMU",
            "rmu",
            "Steers the forget set's hidden states to a random direction.",
            "representation",
            "retain set",
            "reference hidden (retain)",
        ),
        _ref(
            "rmu:AdaptiveRMU",
            "adaptive-rmu",
            "RMU that steers as far as a multiple of the states' own length.",
            "representation",
            "retain set",
            "reference hidden (forget)",
            "reference hidden (retain)",
        ),
        _ref(
            "altpo:AltPO",
            "altpo",
            "Preference for plausible wrong answers, sampled from the target model.",
            "preference",
            "generated answers",
            "retain set",
            "reference log_probs (forget)",
            "reference log_probs (alternative)",
        ),
        _ref(
            "idk_ap:IDKAP",
            "idk-ap",
            "Trains refusals, while retain questions prefer their answers to refusals.",
            "relabelling",
            "refusal answers",
            "retain set",
        ),
        _ref(
            "pdu:PDU",
            "pdu",
            "Flattens logits on the forget set while the retain loss stays under a bound.",
            "target distribution",
            "retain set",
        ),
        _ref(
            "jensun:JensUn",
            "jensun",
            "Draws answers to one refusal, and keeps others, by a bounded divergence.",
            "target distribution",
            "fixed answers",
            "retain set",
            "reference logits (retain)",
        ),
        _ref(
            "flat:FLAT",
            "flat",
            "Weighs a refusal against the answer by an f-divergence, without a retain set.",
            "preference",
            "refusal answers",
        ),
        _ref(
            "llmu:LLMU",
            "llmu",
            "Ascent, random answers to the same questions, and normal text kept as it was.",
            "gradient ascent",
            "random answers",
            "general text",
            "reference logits (normal)",
        ),
        _ref(
            "task_vector:TaskVector",
            "task-vector",
            "Subtracts what fine-tuning on the forget set adds to the weights.",
            "weight edit",
        ),
        _ref(
            "npo_sam:NPOSAM",
            "npo-sam",
            "Another method's loss, its forget part at the worst weights within a radius.",
            "wrapper",
            "retain set",
            "reference log_probs (forget)",
            "gradients by term",
            "2 passes a step",
        ),
        _ref(
            "gru:GRU",
            "gru",
            "Another method's forget gradient, without its part against the retain gradient.",
            "wrapper",
            "retain set",
            "reference log_probs (forget)",
            "gradients by term",
        ),
        _ref(
            "sure:SURE",
            "sure",
            "Another method's loss on the weights' rows that matter most for the forget set.",
            "wrapper",
            "retain set",
            "reference log_probs (forget)",
            "gradients before training",
        ),
        _ref(
            "in_context:InContext",
            "in-context",
            "Refusals by example, in the prompt; the weights are untouched.",
            "inference time",
            "refusal answers",
            "retain set",
        ),
        _ref(
            "guardrail:Guardrail",
            "guardrail",
            "An instruction before every question, and filters; the weights are untouched.",
            "inference time",
        ),
    ]


@hookimpl
def unharness_reference_rows() -> dict[str, str]:
    """Return which of the built-in methods make the reference rows."""
    return {"base": "base", "target": "vanilla", "retrained": "retrain"}
