"""The `hf` engine: `generate` of transformers, on the model in hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydantic import Field

from unharness.engines.engine import Engine, OnGenerated, Sampling
from unharness.models.attention import attends_to_all
from unharness.models.lora import is_adapted
from unharness.models.weights import WeightsRef

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

    from unharness.model_types import LanguageModel


class HfEngine(Engine):
    """Batches prompts of similar length, padded on the left."""

    name = "hf"
    summary = "transformers' own generate, on the model in hand; CPU or GPU."

    class Options(Engine.Options):
        """Adds the size of a batch."""

        batch_size: int = Field(64, ge=1, description="prompts that are continued at a time")

    def __init__(self, options: Options | None = None) -> None:
        self._batch_size = (options or self.Options()).batch_size
        self._weights: WeightsRef | None = None

    def load(self, weights: WeightsRef) -> None:
        """Use a model that is already in memory."""
        self._weights = weights

    def generate(
        self, prompts: Sequence[str], sampling: Sampling, on_done: OnGenerated | None = None
    ) -> list[str]:
        """Generate, longest prompts first, and return in the prompts' order."""
        import torch

        if self._weights is None:
            raise RuntimeError("generate before load")
        if not prompts:
            return []
        model, tokenizer = self._weights.model, self._weights.tokenizer
        special = sampling.special_tokens
        ids = tokenizer(list(prompts), add_special_tokens=special, verbose=False)["input_ids"]
        if tokenizer.eos_token_id is not None:
            # Some tokenizers end every text; a prompt that has ended is not continued.
            ids = [row[:-1] if row[-1:] == [tokenizer.eos_token_id] else row for row in ids]
        order = sorted(range(len(ids)), key=lambda index: -len(ids[index]))
        texts = [""] * len(ids)
        done = 0
        with torch.random.fork_rng(devices=_devices(model)):
            torch.manual_seed(sampling.seed)
            for start in range(0, len(order), self._batch_size):
                part = order[start : start + self._batch_size]
                answers = self._answers(model, tokenizer, [ids[i] for i in part], sampling)
                for index, answer in zip(part, answers, strict=True):
                    texts[index] = answer
                done += len(part)
                if on_done:
                    on_done(done, len(order))
        return texts

    def _answers(
        self,
        model: LanguageModel,
        tokenizer: PreTrainedTokenizerBase,
        rows: list[list[int]],
        sampling: Sampling,
    ) -> list[str]:
        import torch

        from unharness.engines.key_value_cache import growing_cache

        length = max(len(row) for row in rows)
        pad = tokenizer.pad_token_id
        input_ids = torch.tensor([[pad] * (length - len(row)) + row for row in rows])
        mask = torch.tensor([[0] * (length - len(row)) + [1] * len(row) for row in rows])
        options: dict[str, Any] = {"do_sample": sampling.temperature > 0}
        if options["do_sample"]:
            options["temperature"] = sampling.temperature
        if attends_to_all(model):
            options["past_key_values"] = growing_cache(model)
        with torch.inference_mode(), _plain(model), _contiguous_head(model):
            output = model.generate(
                input_ids=input_ids.to(model.device),
                attention_mask=mask.to(model.device),
                max_new_tokens=sampling.max_new_tokens,
                pad_token_id=pad,
                eos_token_id=tokenizer.eos_token_id,
                **options,
            )
        texts: list[str] = tokenizer.batch_decode(output[:, length:], skip_special_tokens=True)
        return texts

    def close(self) -> None:
        """Let go of the model."""
        self._weights = None


@contextmanager
def _plain(model: LanguageModel) -> Iterator[None]:
    """Set a checkpoint's own generation settings aside: penalties, sampling, forced tokens.

    Texts of different models are compared, so what they are asked for must be the same.
    """
    from transformers import GenerationConfig

    holder = model.get_base_model() if is_adapted(model) else model
    own = holder.generation_config
    holder.generation_config = GenerationConfig()
    try:
        yield
    finally:
        holder.generation_config = own


@contextmanager
def _contiguous_head(model: LanguageModel) -> Iterator[None]:
    """Give the output head its input without gaps.

    `generate` takes the last position of every prompt, a view with gaps. In bfloat16 on a CPU torch
    then multiplies prompt by prompt and copies the head's matrix for each of them: 64 prompts of
    smollm2-135m cost 3.6 GB and more time than 24 further tokens.
    """
    head = model.get_output_embeddings()
    if head is None:
        yield
        return
    hook = head.register_forward_pre_hook(lambda _, given: (given[0].contiguous(), *given[1:]))
    try:
        yield
    finally:
        hook.remove()


def _devices(model: LanguageModel) -> list[torch.device]:
    return [model.device] if model.device.type == "cuda" else []
