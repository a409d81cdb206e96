"""The reference model: the frozen target, without a second copy of its weights.

With LoRA the adapter as it was is swapped in for a forward pass. With full tuning only what the
streams ask for is computed, once, before training.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import torch

from unharness.data.batches import TokenBatch, collate, padded
from unharness.data.encoding import Encoded
from unharness.errors import MethodError
from unharness.models.lora import is_adapted
from unharness.training.blocks import block_outputs, recorded_blocks
from unharness.training.device_memory import in_parts
from unharness.training.likelihood import chosen_log_probs, scored_log_probs, spread
from unharness.training.precision import autocast
from unharness.training.scored_logits import all_logits, scored_logits, scored_positions
from unharness.training.sharded import forget_gathered, is_spread
from unharness.unlearning.streams import HIDDEN, LOG_PROBS, LOGITS, Stream

if TYPE_CHECKING:
    from unharness.model_types import LanguageModel
    from unharness.unlearning.context import UnlearnContext

BATCH_SIZE = 32
Key = tuple[int, ...]
"""A row's tokens without padding."""


def make_reference(model: LanguageModel, streams: Mapping[str, Stream]) -> Reference | None:
    """Return the reference model for these streams, None where they ask it for nothing.

    Args:
        model: the target model as it is now.
        streams: by name.
    """
    if not any(stream.reference for stream in streams.values()):
        return None
    return AdapterReference(model, streams) if is_adapted(model) else StoredReference(streams)


class Reference(ABC):
    """What the frozen target says of the streams that ask for it."""

    def __init__(self, streams: Mapping[str, Stream]) -> None:
        self._streams = {name: stream for name, stream in streams.items() if stream.reference}

    @abstractmethod
    def prepare(self, context: UnlearnContext, rows: Mapping[str, Sequence[Encoded]]) -> None:
        """Compute what is kept of the rows that training will read, by stream."""

    @abstractmethod
    def attach(self, model: LanguageModel) -> None:
        """Ask this model from now on, where a model is asked: the one that is trained."""

    def log_probs(self, stream: str, batch: TokenBatch) -> torch.Tensor:
        """Return the log-probabilities of the true tokens, (B, T-1) float32."""
        self._check(stream, LOG_PROBS)
        return self._log_probs(stream, batch)

    def logits(self, stream: str, batch: TokenBatch) -> torch.Tensor:
        """Return the logits, (B, T, V); 0 where the next token is not scored, if not asked for."""
        self._check(stream, LOGITS)
        if self._streams[stream].everywhere:
            return self._all_logits(stream, batch)
        found = self._scored_logits(stream, batch)
        scored = torch.zeros_like(batch.labels, dtype=torch.bool)
        scored[:, :-1] = scored_positions(batch)
        logits = torch.zeros(
            (*scored.shape, found.shape[-1]), dtype=found.dtype, device=found.device
        )
        logits[scored] = found
        return logits

    def scored_logits(self, stream: str, batch: TokenBatch) -> torch.Tensor:
        """Return the logits that predict scored tokens, (N, V)."""
        self._check(stream, LOGITS)
        if self._streams[stream].everywhere:
            return self._all_logits(stream, batch)[:, :-1][scored_positions(batch)]
        return self._scored_logits(stream, batch)

    def hidden(self, stream: str, batch: TokenBatch, layer: int) -> torch.Tensor:
        """Return a decoder block's output, (B, T, H); 0 in padding, unless `everywhere`."""
        self._check(stream, HIDDEN)
        if layer not in self._streams[stream].layers:
            raise MethodError(
                f"stream {stream!r} does not ask the reference for layer {layer}; its layers are "
                f"{', '.join(map(str, self._streams[stream].layers))}"
            )
        return self._hidden(stream, batch, layer)

    def _check(self, stream: str, quantity: str) -> None:
        if stream not in self._streams or quantity not in self._streams[stream].reference:
            raise MethodError(
                f"stream {stream!r} does not ask the reference for {quantity}; declare it in "
                f'streams(), as in Stream(…, reference={{"{quantity}"}})'
            )

    @abstractmethod
    def _log_probs(self, stream: str, batch: TokenBatch) -> torch.Tensor: ...

    @abstractmethod
    def _scored_logits(self, stream: str, batch: TokenBatch) -> torch.Tensor: ...

    @abstractmethod
    def _all_logits(self, stream: str, batch: TokenBatch) -> torch.Tensor: ...

    @abstractmethod
    def _hidden(self, stream: str, batch: TokenBatch, layer: int) -> torch.Tensor: ...


class AdapterReference(Reference):
    """The adapter as it was, on the same base weights; costs a copy of the adapter alone."""

    def __init__(self, model: LanguageModel, streams: Mapping[str, Stream]) -> None:
        super().__init__(streams)
        self._last: tuple[str, TokenBatch] | None = None
        """The stream and the batch whose states were computed last."""
        self._states: dict[int, torch.Tensor] = {}
        """Those by layer, from one forward pass, (B, T, H); each until it is asked for."""
        self.attach(model)

    def prepare(self, context: UnlearnContext, rows: Mapping[str, Sequence[Encoded]]) -> None:
        """Keep nothing: the model itself is asked while it is trained."""

    def attach(self, model: LanguageModel) -> None:
        """Keep the adapter as it is now in `model`, and ask that model from now on.

        Under FSDP a copy is trained whose parameters are spread over the processes; the model that
        it was made from waits on the CPU, and cannot read the batches of another device.
        """
        self._model = model
        self._states.clear()
        self._kept = [
            (value, value.detach().clone()) for value in model.parameters() if value.requires_grad
        ]
        self._spread = any(is_spread(value) for value, _ in self._kept)

    def _log_probs(self, stream: str, batch: TokenBatch) -> torch.Tensor:
        with self._swapped(), torch.no_grad():
            return scored_log_probs(self._model, batch)

    def _scored_logits(self, stream: str, batch: TokenBatch) -> torch.Tensor:
        with self._swapped(), torch.no_grad():
            return scored_logits(self._model, batch)

    def _all_logits(self, stream: str, batch: TokenBatch) -> torch.Tensor:
        with self._swapped(), torch.no_grad():
            return all_logits(self._model, batch)

    def _hidden(self, stream: str, batch: TokenBatch, layer: int) -> torch.Tensor:
        same = self._last is not None and self._last[0] == stream and self._last[1] is batch
        if not same or layer not in self._states:
            self._states.clear()
            asked = self._streams[stream]
            with self._swapped(), torch.no_grad():
                states = block_outputs(self._model, batch, asked.layers, padding=asked.everywhere)
            self._last = stream, batch
            self._states.update(zip(asked.layers, states, strict=True))
        return self._states.pop(layer)

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


class StoredReference(Reference):
    """What the streams ask for, computed once and kept on the CPU, by the rows' tokens.

    Log-probabilities are kept as they are. For logits the final hidden states are kept, with one
    frozen copy of the output head, which gives the logits exactly.
    """

    def __init__(self, streams: Mapping[str, Stream]) -> None:
        super().__init__(streams)
        self._log_probs_kept: dict[str, dict[Key, torch.Tensor]] = {}
        """By stream and row: (scored tokens,) float32."""
        self._states_kept: dict[str, dict[Key, torch.Tensor]] = {}
        """Final hidden states: (scored tokens, H), or (longest row, H) for `everywhere`."""
        self._hidden_kept: dict[tuple[str, int], dict[Key, torch.Tensor]] = {}
        """By stream and layer, then row: (tokens, H)."""
        self._head: Any = None

    def prepare(self, context: UnlearnContext, rows: Mapping[str, Sequence[Encoded]]) -> None:
        """Run the target model over the rows, dropout off, in the precision of training."""
        model = context.model
        model.eval()
        if any(LOGITS in stream.reference for stream in self._streams.values()):
            self._head = copy.deepcopy(model.get_output_embeddings()).requires_grad_(False)
        chunks = [
            (name, part) for name in self._streams for part in _chunks(rows[name], BATCH_SIZE)
        ]
        for done, (name, part) in enumerate(chunks, start=1):
            longest = max(len(row.input_ids) for row in rows[name])
            in_parts(partial(self._keep_rows, context, name, longest), part)
            context.progress(done, len(chunks))

    def attach(self, model: LanguageModel) -> None:
        """Ask no model: what is needed has been computed."""

    def _keep_rows(
        self, context: UnlearnContext, name: str, longest: int, rows: Sequence[Encoded]
    ) -> None:
        device, pad = torch.device(context.device), context.tokenizer.pad_token_id
        batch = collate(rows, pad).to(device)
        with torch.no_grad(), autocast(device, context.precision):
            self._keep(name, context.model, batch, longest, pad)

    def _keep(
        self, name: str, model: LanguageModel, batch: TokenBatch, longest: int, pad: int
    ) -> None:
        stream, keys = self._streams[name], batch.token_rows()
        layers = stream.layers
        if stream.everywhere:
            batch = padded(batch, longest, pad)
        if stream.reference == {HIDDEN}:
            states = block_outputs(model, batch, layers, padding=stream.everywhere)
        else:
            with recorded_blocks(model, layers) as found, _head_input(model) as final:
                logits = (all_logits if stream.everywhere else scored_logits)(model, batch)
            states = [found[layer] for layer in layers]
            scored = scored_positions(batch)
            counts = scored.sum(dim=1).tolist()
            if LOGITS in stream.reference:
                [last] = final
                self._check_head(last, logits)
                kept = last.cpu().unbind() if stream.everywhere else last[0].cpu().split(counts)
                self._states_kept.setdefault(name, {}).update(zip(keys, kept, strict=True))
            if LOG_PROBS in stream.reference:
                flat = logits[:, :-1][scored] if stream.everywhere else logits
                values = chosen_log_probs(flat, batch.labels[:, 1:][scored]).cpu()
                self._log_probs_kept.setdefault(name, {}).update(
                    zip(keys, values.split(counts), strict=True)
                )
        for layer, output in zip(layers, states, strict=True):
            ends = [None if stream.everywhere else len(key) for key in keys]
            rows = [row[:end].cpu().clone() for end, row in zip(ends, output, strict=True)]
            self._hidden_kept.setdefault((name, layer), {}).update(zip(keys, rows, strict=True))

    def _check_head(self, states: torch.Tensor, logits: torch.Tensor) -> None:
        """Refuse a model that changes the logits after its output head, as by soft-capping."""
        own = self._head(states.flatten(0, -2)[:1]).float()
        if not torch.allclose(own, logits.flatten(0, -2)[:1].float(), rtol=1e-2, atol=1e-2):
            raise MethodError(
                "reference logits cannot be kept for full tuning of this model: it changes them "
                "after its output head; use --tuning lora"
            )

    def _log_probs(self, stream: str, batch: TokenBatch) -> torch.Tensor:
        values = self._pieces(self._log_probs_kept[stream], batch)
        return spread(values, scored_positions(batch))

    def _scored_logits(self, stream: str, batch: TokenBatch) -> torch.Tensor:
        return self._from_states(self._pieces(self._states_kept[stream], batch))

    def _all_logits(self, stream: str, batch: TokenBatch) -> torch.Tensor:
        return self._from_states(_whole_rows(self._states_kept[stream], batch))

    def _hidden(self, stream: str, batch: TokenBatch, layer: int) -> torch.Tensor:
        kept = self._hidden_kept[stream, layer]
        if self._streams[stream].everywhere:
            return _whole_rows(kept, batch)
        rows = [kept[key] for key in batch.token_rows()]
        padded = torch.zeros(*batch.labels.shape, rows[0].shape[-1], dtype=rows[0].dtype)
        for index, row in enumerate(rows):
            padded[index, : len(row)] = row
        return padded.to(batch.labels.device)

    @torch.no_grad()
    def _from_states(self, states: torch.Tensor) -> torch.Tensor:
        self._head.to(states.device)
        found: torch.Tensor = self._head(states.to(next(self._head.parameters()).dtype))
        return found

    def _pieces(self, kept: Mapping[Key, torch.Tensor], batch: TokenBatch) -> torch.Tensor:
        return torch.cat([kept[key] for key in batch.token_rows()]).to(batch.labels.device)


def _whole_rows(kept: Mapping[Key, torch.Tensor], batch: TokenBatch) -> torch.Tensor:
    """Return what is kept of every position, padding included, as wide as the batch."""
    width = batch.labels.shape[1]
    rows = [kept[key][:width] for key in batch.token_rows()]
    return torch.stack(rows).to(batch.labels.device)


@contextmanager
def _head_input(model: LanguageModel) -> Iterator[list[torch.Tensor]]:
    """Record what the output head is given: (B, T, H), or (1, N, H) of scored positions."""
    found: list[torch.Tensor] = []
    handle = model.get_output_embeddings().register_forward_hook(
        lambda module, args, output: found.append(args[0])
    )
    try:
        yield found
    finally:
        handle.remove()


def _chunks(rows: Sequence[Encoded], size: int) -> Iterator[Sequence[Encoded]]:
    ordered = sorted(rows, key=lambda row: -len(row.input_ids))
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]
