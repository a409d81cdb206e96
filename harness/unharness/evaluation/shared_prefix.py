"""Several answers to one prompt: the prompt goes through the model once.

The prompts of a batch are passed with a cache of keys and values, which is copied for every
answer; only the answers' own tokens go on from there. Equal to passing every string whole, up to
the order in which sums are taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from unharness.data.batches import TokenBatch, collate
from unharness.data.encoding import Encoded
from unharness.training.scored_logits import logits_where, scored_positions

if TYPE_CHECKING:
    from unharness.model_types import LanguageModel

SHORTEST = 4
"""Prefixes of fewer tokens are not worth a pass of their own."""


@dataclass(frozen=True)
class Family:
    """Strings that begin with the same tokens, of which none is scored."""

    prefix: tuple[int, ...]
    rows: tuple[int, ...]
    """Their indices."""


def families(rows: Mapping[int, Encoded], prompts: Mapping[int, Any]) -> list[Family]:
    """Return the families of two strings or more; the others are passed whole.

    Args:
        rows: with tokens that are scored, by index.
        prompts: by index; strings of one prompt are looked at together.
    """
    by_prompt: dict[Any, list[int]] = {}
    for index in rows:
        by_prompt.setdefault(prompts[index], []).append(index)
    found = []
    for indices in by_prompt.values():
        if len(indices) < 2:
            continue
        prefix = _common([rows[index] for index in indices])
        if len(prefix) >= SHORTEST:
            found.append(Family(prefix, tuple(indices)))
    return found


def _common(rows: Sequence[Encoded]) -> tuple[int, ...]:
    """Return the first tokens of all rows, up to the one that predicts the first that is scored."""
    most = min(max(1, row.answer_start) for row in rows) - 1
    length = 0
    for tokens in zip(*(row.input_ids[:most] for row in rows), strict=False):
        if len(set(tokens)) > 1:
            break
        length += 1
    return rows[0].input_ids[:length]


def shared_logits(
    model: LanguageModel,
    chosen: Sequence[Family],
    rows: Mapping[int, Encoded],
    pad_token_id: int,
) -> tuple[torch.Tensor, TokenBatch, list[int]]:
    """Return the logits that predict the scored tokens of some families.

    Returns:
        Logits (N, V); the answers as a batch, in which labels say what is scored; the indices of
        its rows.
    """
    indices = [index for family in chosen for index in family.rows]
    owners = [at for at, family in enumerate(chosen) for _ in family.rows]
    longest = max(len(family.prefix) for family in chosen)
    prefixes = torch.full((len(chosen), longest), pad_token_id, dtype=torch.long)
    present = torch.zeros_like(prefixes)
    for at, family in enumerate(chosen):  # padded on the left, so that the answers follow on
        prefixes[at, longest - len(family.prefix) :] = torch.tensor(family.prefix)
        present[at, longest - len(family.prefix) :] = 1
    device = model.device
    prefixes, present = prefixes.to(device), present.to(device)
    nowhere = torch.zeros_like(present[:, 1:], dtype=torch.bool)
    _, cache = logits_where(
        model,
        nowhere,
        input_ids=prefixes,
        attention_mask=present,
        position_ids=(present.cumsum(dim=1) - 1).clamp(min=0),
        use_cache=True,
    )
    which = torch.tensor(owners, device=device)
    cache.batch_select_indices(which)
    rests = [_rest(rows[index], family) for family in chosen for index in family.rows]
    batch = collate(rests, pad_token_id).to(device)
    lengths = present.sum(dim=1)[which]
    positions = lengths[:, None] + torch.arange(batch.input_ids.shape[1], device=device)
    logits, _ = logits_where(
        model,
        scored_positions(batch),
        input_ids=batch.input_ids,
        attention_mask=torch.cat([present[which], batch.attention_mask], dim=1),
        position_ids=positions,
        past_key_values=cache,
        use_cache=True,
    )
    return logits, batch, indices


def _rest(row: Encoded, family: Family) -> Encoded:
    """Return a string without the family's prefix."""
    size = len(family.prefix)
    start = max(1, row.answer_start) - size
    return Encoded(row.input_ids[size:], start, row.truncated, row.example)
