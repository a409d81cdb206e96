"""Random labels: every answer token is to be a random one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from unharness import LossMethod, Preset, TokenBatch, UnlearnContext, sequence_nll
from unharness_methods.paper import baseline_presets

if TYPE_CHECKING:
    from torch import Tensor

    from unharness import LanguageModel, UnlearnBatch


class RandomLabels(LossMethod):
    """Loss: NLL of uniformly random tokens in the place of the answer's, given the true prefix."""

    name = "random-labels"
    summary = "Trains every answer token of the forget set towards a random one."
    citation = "Golatkar et al. 2020, arXiv 1911.04933; KnowUnDo (arXiv 2407.01920), section 4"
    family = "relabelling"
    evidence = (("oracle", "tests/methods/test_relabelling.py"),)

    # Chosen on the training splits alone: benchmarks/choose_defaults.py
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {"tiny": {"lr": 5e-4}}

    presets: ClassVar[Sequence[Preset]] = baseline_presets()

    class Config(LossMethod.Config):
        """Adds the fidelity."""

        fidelity: Literal["paper", "released-code"] = Field(
            "paper", description="released-code: the question's tokens are made random too"
        )

    def prepare(self, context: UnlearnContext) -> None:
        """Fix the source of chance and the vocabulary it draws from."""
        embeddings = context.model.get_input_embeddings().weight.shape[0]
        self._vocabulary = min(len(context.tokenizer), embeddings)
        self._generator = context.torch_generator("random-labels")

    def training_state(self) -> Mapping[str, object]:
        """Return the state of the source of chance, uint8."""
        return {"generator": self._generator.get_state()}

    def load_training_state(self, state: Mapping[str, Any]) -> None:
        """Go on with the draws."""
        self._generator.set_state(state["generator"])

    def loss(self, model: LanguageModel, batch: UnlearnBatch) -> Tensor:
        """Return the mean NLL of the drawn tokens over the batch (nats per token)."""
        return sequence_nll(model, self._relabelled(batch["forget"])).mean()

    def _relabelled(self, batch: TokenBatch) -> TokenBatch:
        import torch

        shape = batch.labels.shape
        drawn = torch.randint(self._vocabulary, shape, generator=self._generator)
        replaced = batch.labels != -100
        if self.config.fidelity == "released-code":
            replaced = batch.attention_mask.bool()
        labels = torch.where(replaced, drawn.to(batch.labels.device), -100)
        return TokenBatch(batch.input_ids, batch.attention_mask, labels)
