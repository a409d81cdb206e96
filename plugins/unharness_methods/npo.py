"""Negative preference optimisation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from unharness import (
    Preset,
    RetainLossMethod,
    Search,
    Stream,
    all_logits,
    scored_positions,
    sequence_log_ratios,
    token_log_ratios,
    token_mean,
)
from unharness_methods.preference import negative_preference, raw_logit_preference
from unharness_methods.tofu_presets import tofu_presets

if TYPE_CHECKING:
    from torch import Tensor

    from unharness import LanguageModel, UnlearnBatch


class NPO(RetainLossMethod):
    """Forget loss: mean of (2/β) · ln(1 + (p(y|x) / p_reference(y|x))^β), of whole answers.

    Log-ratios are sums over an answer's tokens. The loss starts at (2/β) · ln 2, with the
    gradient of ascent on the sums, and levels off as an answer becomes less likely.
    """

    name = "npo"
    summary = "Preference against the forget set's answers, relative to the target model."
    citation = "Zhang et al. 2024, arXiv 2404.05868, eq. 3"
    family = "preference"
    evidence = (("oracle", "tests/methods/test_preference_losses.py"),)
    # Chosen on a validation part: results/published/tuning
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"lr": 0.00169, "epochs": 4, "retain_weight": 38.1, "beta": 0.0257}
    }
    presets: ClassVar[Sequence[Preset]] = tofu_presets(
        "licong-lin/negative-preference-optimization, config/forget.yaml at 3bb1366",
        {key: {"beta": 0.1, "forget_weight": 1.0} for key in ("01", "05", "10")},
    )

    class Config(RetainLossMethod.Config):
        """Adds β and the fidelity."""

        beta: float = Field(
            0.1,
            gt=0,
            description="inverse temperature of the log-ratio of whole answers; towards 0 it is "
            "ascent on their log-likelihood",
        )
        fidelity: Literal["paper", "muse-code", "wmdp-code"] = Field(
            "paper",
            description="muse-code: the preference of every raw logit over the reference's, "
            "question and padding included, as in the code of MUSE; wmdp-code: one log-ratio for "
            "all tokens of a micro-batch, their mean, as in OPTML-Group's code for WMDP (beta 0.01 "
            "to 0.04 there)",
        )

        search: ClassVar[Mapping[str, Search]] = {"beta": "inverse_temperature"}

    def forget_streams(self) -> Mapping[str, Stream]:
        """Return the forget set, with the reference's log-probabilities (or logits)."""
        if self.config.fidelity == "muse-code":
            return {"forget": Stream("forget", reference={"logits"}, everywhere=True)}
        return {"forget": Stream("forget", reference={"log_probs"})}

    def forget_loss(self, model: LanguageModel, batch: UnlearnBatch) -> Tensor:
        """Return the mean over the forget examples."""
        beta = self.config.beta
        if self.config.fidelity == "muse-code":
            wanted = batch.reference.logits("forget")
            return raw_logit_preference(all_logits(model, batch["forget"]) - wanted, beta)
        if self.config.fidelity == "wmdp-code":
            ratios = token_log_ratios(model, batch, "forget")
            pooled = token_mean(ratios, scored_positions(batch["forget"]), pooled=True)
            return negative_preference(pooled, beta)
        return negative_preference(sequence_log_ratios(model, batch, "forget"), beta).mean()
