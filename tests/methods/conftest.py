"""A model whose log-probabilities are chosen, for losses worked out by hand."""

import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from unharness import (
    DataOrigin,
    Example,
    Split,
    TaskData,
    TokenBatch,
    UnlearnBatch,
    UnlearnContext,
)
from unharness.data.recipe import LoraSettings
from unharness.models.lora import add_adapter

VOCABULARY = 64


class KnownModel(torch.nn.Module):
    """The logits at a position are its token's row of a table; every token is used once."""

    def __init__(self) -> None:
        super().__init__()
        self.table = torch.nn.Parameter(torch.zeros(VOCABULARY, VOCABULARY))
        self._next = 1

    def forward(self, input_ids: Any, attention_mask: Any, use_cache: bool = True) -> Any:
        return SimpleNamespace(logits=self.table[input_ids])

    def says(self, *answers: list[float]) -> TokenBatch:
        """Return a batch of answers whose tokens have these log-probabilities."""
        rows = []
        for answer in answers:
            row = list(range(self._next, self._next + len(answer) + 1))
            self._next += len(row)
            assert self._next < VOCABULARY
            for token, following, value in zip(row, row[1:], answer, strict=False):
                others = math.log1p(-math.exp(value)) - math.log(VOCABULARY - 1)
                self.table.data[token] = others
                self.table.data[token, following] = value
            rows.append(row)
        return self._padded(rows)

    def has_logits(self, *rows: list[float], true: int = 0) -> TokenBatch:
        """Return a batch of answers of one token each, with these logits and nothing else."""
        made = []
        for row in rows:
            token = self._next
            self._next += 1
            self.table.data[token] = -torch.inf
            self.table.data[token, : len(row)] = torch.tensor(row)
            made.append([token, true])
        return self._padded(made)

    @staticmethod
    def _padded(rows: list[list[int]]) -> TokenBatch:
        length = max(map(len, rows))
        ids = torch.tensor([row + [0] * (length - len(row)) for row in rows])
        mask = torch.tensor([[1] * len(row) + [0] * (length - len(row)) for row in rows])
        labels = ids.masked_fill(mask == 0, -100)
        labels[:, 0] = -100
        return TokenBatch(ids, mask, labels)


@pytest.fixture
def known_model() -> KnownModel:
    """A fresh model without any answer."""
    return KnownModel()


# METHODS.md, fixture A: log-probabilities of answer tokens under model and reference.
FORGET = ([-0.5, -1.0, -1.5], [-0.1, -0.4])
REFERENCE = torch.tensor([[-0.2, -0.3, -0.5], [-0.05, -0.15, 0.0]])
RETAIN = [-0.2, -0.4]


@pytest.fixture
def fixture_a(known_model: KnownModel) -> tuple[KnownModel, UnlearnBatch]:
    """The model, and a batch of the two forget answers, each joined by the retain answer."""
    streams = {"forget": known_model.says(*FORGET), "retain": known_model.says(RETAIN, RETAIN)}
    reference: Any = SimpleNamespace(log_probs=lambda stream, batch: REFERENCE)
    return known_model, UnlearnBatch(streams, reference)


DATA = TaskData.of(
    (
        Split(
            "secret",
            "forget",
            examples=tuple(
                Example(
                    f"s{n}",
                    f"Question {n}?",
                    f"Answer {n}" + " and more" * n,
                    alternatives={"refusal": (f"No comment {n}.",)},
                )
                for n in range(5)
            ),
        ),
        Split(
            "kept",
            "retain",
            examples=tuple(
                Example(f"k{n}", f"Where is {n}?", "Here" + " there" * n) for n in range(3)
            ),
        ),
        Split(
            "plain",
            "general",
            learned=False,
            evaluated=False,
            examples=tuple(Example(f"g{n}", "", "Water is wet" + " too" * n) for n in range(2)),
        ),
    ),
    DataOrigin("path", "here"),
)


@pytest.fixture
def context(load_checkpoint: Callable[..., Any]) -> Callable[..., UnlearnContext]:
    """A context on a random model; `tuning` decides what may move."""

    def make(tuning: str, dropout: float = 0.0) -> UnlearnContext:
        model, tokenizer = load_checkpoint("llama")
        if tuning == "lora":
            model = add_adapter(model, LoraSettings(dropout=dropout), seed=0)
            for name, value in model.named_parameters():
                if ".lora_B." in name:  # an adapter that has learned something
                    torch.nn.init.normal_(
                        value, std=0.05, generator=torch.Generator().manual_seed(1)
                    )
        return UnlearnContext(model.eval(), tokenizer, DATA, 3, 64, "cpu")

    return make
