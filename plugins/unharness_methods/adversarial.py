"""Adversarial samples: every answer token is to be the model's best wrong guess."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from unharness import LossMethod, Preset, TokenBatch, UnlearnContext, sequence_nll
from unharness_methods.paper import baseline_presets

if TYPE_CHECKING:
    from torch import Tensor

    from unharness import LanguageModel, UnlearnBatch


class Adversarial(LossMethod):
    """Loss: NLL of a_i = argmax over a ≠ y_i of P(a | y_<i, x), P being the target model's.

    The a_i are found once, before training, dropout off.
    """

    name = "adversarial"
    summary = "Trains every answer token towards the target model's most likely wrong one."
    citation = "Cha et al. 2024, arXiv 2301.11578; KnowUnDo (arXiv 2407.01920), section 4"
    family = "relabelling"
    evidence = (("oracle", "tests/methods/test_relabelling.py"),)
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "smollm2-135m:lora": {"lr": 8e-4},  # results/published/tuning
    }

    presets: ClassVar[Sequence[Preset]] = baseline_presets()

    class Config(LossMethod.Config):
        """Adds the fidelity."""

        fidelity: Literal["paper", "released-code"] = Field(
            "paper",
            description="released-code: labels shifted by one, as its arg max at i predicts i + 1",
        )

    def prepare(self, context: UnlearnContext) -> None:
        """Find the wrong guesses to every answer of the forget set."""
        import torch

        self._guesses: dict[tuple[int, ...], Tensor] = {}
        context.model.eval()
        for batch in context.batches(context.encode("forget"), batch_size=32):
            with torch.no_grad():
                logits = context.model(
                    input_ids=batch.input_ids, attention_mask=batch.attention_mask, use_cache=False
                ).logits
            shifted = self.config.fidelity == "released-code"
            guesses = wrong_guesses(logits, batch.input_ids, shifted=shifted).cpu()
            for key, row in zip(batch.token_rows(), guesses, strict=True):
                self._guesses[key] = row[: len(key)]

    def loss(self, model: LanguageModel, batch: UnlearnBatch) -> Tensor:
        """Return the mean NLL of the wrong guesses over the batch (nats per token)."""
        return sequence_nll(model, self._relabelled(batch["forget"])).mean()

    def _relabelled(self, batch: TokenBatch) -> TokenBatch:
        labels = batch.labels.clone()
        for index, key in enumerate(batch.token_rows()):
            scored = batch.labels[index, : len(key)] != -100
            guesses = self._guesses[key].to(labels.device)
            labels[index, : len(key)][scored] = guesses[scored]
        return TokenBatch(batch.input_ids, batch.attention_mask, labels)


def wrong_guesses(logits: Tensor, input_ids: Tensor, *, shifted: bool) -> Tensor:
    """Return the most likely wrong token for every position.

    Args:
        logits: (B, T, V); those at t predict the token at t + 1.
        input_ids: (B, T) int64.
        shifted: as the released code has it: the arg max at i, token i forbidden, is the label
            of i, though the logits at i speak of i + 1.

    Returns:
        (B, T) int64; at position 0, which nothing predicts, the token itself unless shifted.
    """
    if shifted:
        return logits.scatter(2, input_ids[:, :, None], float("-inf")).argmax(dim=-1)
    guesses = input_ids.clone()
    forbidden = logits[:, :-1].scatter(2, input_ids[:, 1:, None], float("-inf"))
    guesses[:, 1:] = forbidden.argmax(dim=-1)
    return guesses
