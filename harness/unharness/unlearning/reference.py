"""The reference model: the frozen target, never a second copy of its weights.

Under LoRA its adapter's tensors are kept and swapped in for a forward pass. With full tuning what
it says at the retain set's answer positions is computed once, before training.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from unharness.data.batches import IGNORED, Reference, TokenBatch
from unharness.data.encoding import Encoded
from unharness.models.lora import is_adapted
from unharness.training.sharded import forget_gathered, is_spread
from unharness.unlearning.context import UnlearnContext

BATCH_SIZE = 32


def make_reference(
    context: UnlearnContext, rows: Sequence[Encoded], *, everywhere: bool = False
) -> Reference:
    """Return the reference model as it is now, for batches made of `rows`.

    Args:
        context: gives the model.
        rows: what the reference will be asked about.
        everywhere: whether it must speak at every position, question and padding included.
    """
    if is_adapted(context.model):
        return AdapterTwin(context.model)
    return StoredLogits(context, rows, everywhere=everywhere)


class AdapterTwin:
    """The adapter as it was, on the same base weights; costs a copy of the adapter alone."""

    def __init__(self, model: Any) -> None:
        self.attach(model)

    def attach(self, model: Any) -> None:
        """Keep the adapter as it is now in `model`, and ask that model from now on.

        Under FSDP a copy is trained whose parameters are spread over the processes; the model that
        it was made from waits on the CPU, and cannot read the batches of another device.
        """
        self._model = model
        self._kept = [
            (value, value.detach().clone()) for value in model.parameters() if value.requires_grad
        ]
        self._spread = any(is_spread(value) for value, _ in self._kept)

    def __call__(self, batch: TokenBatch) -> torch.Tensor:
        """Return the logits of a batch on the model's device, dropout off."""
        with self._swapped(), torch.no_grad():
            logits: torch.Tensor = self._model(
                input_ids=batch.input_ids, attention_mask=batch.attention_mask, use_cache=False
            ).logits
        return logits

    @contextmanager
    def _swapped(self) -> Iterator[None]:
        training = self._model.training
        self._model.eval()
        self._exchange()
        try:
            yield
        finally:
            self._exchange()
            self._model.train(training)

    def _exchange(self) -> None:
        for index, (value, kept) in enumerate(self._kept):
            if self._spread:
                # FSDP gathers from the storage that it laid out, so the values change places.
                own = value.detach().clone()
                value.detach().copy_(kept)
                self._kept[index] = (value, own)
            else:
                # The tensors change places, nothing is copied; a backward pass later sees its own.
                value.data, self._kept[index] = kept, (value, value.data)
        if self._spread:
            forget_gathered(self._model)


class StoredLogits:
    """What the reference says of some examples, computed once and kept on the CPU.

    Logits at the scored positions, or at every position of the longest example's length.
    """

    def __init__(
        self, context: UnlearnContext, rows: Sequence[Encoded], *, everywhere: bool
    ) -> None:
        self._everywhere = everywhere
        self._kept: dict[tuple[int, ...], torch.Tensor] = {}
        longest = max((len(row.input_ids) for row in rows), default=0)
        context.model.eval()
        for batch in context.batches(rows, BATCH_SIZE):
            keys = batch.token_rows()
            if everywhere:
                batch = _padded(batch, longest, context.tokenizer.pad_token_id)
            with torch.no_grad():
                logits = context.model(
                    input_ids=batch.input_ids, attention_mask=batch.attention_mask, use_cache=False
                ).logits
            if everywhere:
                self._kept.update(zip(keys, logits.cpu(), strict=True))
                continue
            scored = batch.labels[:, 1:] != IGNORED
            counts = scored.sum(dim=1).tolist()
            pieces = logits[:, :-1][scored].cpu().split(counts)
            self._kept.update(zip(keys, pieces, strict=True))

    def __call__(self, batch: TokenBatch) -> torch.Tensor:
        """Return the logits of a batch on its device; 0 where nothing is scored.

        Raises:
            KeyError: the batch holds an example that was not among the rows.
        """
        if self._everywhere:
            width = batch.labels.shape[1]
            rows = [self._kept[key][:width] for key in batch.token_rows()]
            return torch.stack(rows).to(batch.labels.device)
        pieces = torch.cat([self._kept[key] for key in batch.token_rows()])
        shape = (*batch.labels.shape, pieces.shape[-1])
        logits = torch.zeros(shape, dtype=pieces.dtype, device=batch.labels.device)
        scored = torch.zeros_like(batch.labels, dtype=torch.bool)
        scored[:, :-1] = batch.labels[:, 1:] != IGNORED
        logits[scored] = pieces.to(batch.labels.device)
        return logits


def _padded(batch: TokenBatch, length: int, pad_token_id: int) -> TokenBatch:
    missing = (0, length - batch.input_ids.shape[1])
    pad = torch.nn.functional.pad
    return TokenBatch(
        pad(batch.input_ids, missing, value=pad_token_id),
        pad(batch.attention_mask, missing),
        pad(batch.labels, missing, value=IGNORED),
    )
