"""The embedded default: a Llama of 1.3 million parameters, made from nothing on the machine.

It is a model for testing methods and the harness: it knows the task's facts, the bundled general
facts, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from unharness.data.examples import Example
from unharness.data.general import general_examples
from unharness.data.task_data import TaskData
from unharness.data.templates import SEPARATOR
from unharness.models.preset import ModelPreset

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from unharness.model_types import LanguageModel

PAD_TOKEN, END_TOKEN = "<|pad|>", "<|end|>"
INIT_SEED = 0


class Tiny(ModelPreset):
    """Llama with hidden size 128, 4 layers, 4 heads, tied embeddings, byte-level BPE of 4,000."""

    name = "tiny"
    summary = "A 1.3 M parameter Llama trained on this machine in about 90 s; no GPU, no hub."
    # An adapter of rank 16 reached 56% token accuracy in 40 epochs, so it learns with all it has.
    tuning = "full"
    target_tuning = "full"
    precision = "float32"

    version = 2
    suite = "general-facts"

    vocabulary: ClassVar[int] = 4000
    shape: ClassVar[Mapping[str, int]] = {
        "hidden_size": 128,
        "intermediate_size": 344,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
    }

    def knowledge(self) -> tuple[Example, ...]:
        """Return the bundled general facts, so that there is general knowledge to lose."""
        return general_examples()

    def build(self, data: TaskData) -> tuple[LanguageModel, PreTrainedTokenizerBase]:
        """Return the model with random weights, and a tokenizer trained on what it will learn."""
        import torch
        from transformers import LlamaForCausalLM

        config, tokenizer = self.config_and_tokenizer(data)
        with torch.random.fork_rng(devices=[]):  # transformers draws from the global generator
            torch.manual_seed(INIT_SEED)
            model = LlamaForCausalLM(config)
        return model, tokenizer

    def config_and_tokenizer(self, data: TaskData) -> tuple[Any, PreTrainedTokenizerBase]:
        """Return them without the model."""
        from transformers import LlamaConfig

        tokenizer = _train_tokenizer([*_rows(data), *self.knowledge()], self.vocabulary)
        config = LlamaConfig(
            **self.shape,
            vocab_size=len(tokenizer),
            max_position_embeddings=512,
            tie_word_embeddings=True,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            bos_token_id=None,
        )
        return config, tokenizer


def _train_tokenizer(rows: Iterable[Example], vocabulary: int) -> PreTrainedTokenizerBase:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PAD_TOKEN, END_TOKEN],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    core.train_from_iterator((row.prompt + SEPARATOR + row.answer for row in rows), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token=PAD_TOKEN, eos_token=END_TOKEN, model_max_length=512
    )


def _rows(data: TaskData) -> Iterator[Example]:
    for split in sorted(data.learned(), key=lambda one: one.name):
        yield from split.examples
