"""Batches: padding, labels, and grouping by length."""

import random
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from unharness import MethodError
from unharness.data.batches import IGNORED, TokenBatch, UnlearnBatch, collate, length_grouped
from unharness.data.encoding import Encoded

PAD = 9


def test_collate_pads_on_the_right_and_scores_the_answer_alone():
    rows = [Encoded((1, 2, 3, 4), 2, False), Encoded((5, 6), 1, False), Encoded((7,), 1, False)]
    batch = collate(rows, PAD)
    assert batch.size == 3
    assert batch.input_ids.tolist() == [[1, 2, 3, 4], [5, 6, PAD, PAD], [7, PAD, PAD, PAD]]
    assert batch.attention_mask.tolist() == [[1, 1, 1, 1], [1, 1, 0, 0], [1, 0, 0, 0]]
    none = IGNORED
    assert batch.labels.tolist() == [
        [none, none, 3, 4],
        [none, 6, none, none],
        [none, none, none, none],
    ]
    for tensor in (batch.input_ids, batch.attention_mask, batch.labels):
        assert tensor.dtype == torch.int64


def test_a_pad_token_within_an_answer_is_still_scored():
    # Models whose padding is their end token: the end token of a fine-tuning example counts.
    batch = collate([Encoded((1, PAD), 1, False), Encoded((1, 2, 3), 1, False)], PAD)
    assert batch.labels.tolist() == [[-100, PAD, -100], [-100, 2, 3]]
    assert batch.attention_mask.tolist() == [[1, 1, 0], [1, 1, 1]]


def test_an_answer_from_the_first_token_loses_that_token():
    assert collate([Encoded((4, 5), 0, False)], PAD).labels.tolist() == [[-100, 5]]


rows = st.lists(
    st.tuples(st.lists(st.integers(0, 8), min_size=1, max_size=9), st.integers(0, 12)),
    min_size=1,
    max_size=6,
)


@given(rows)
def test_collate_loses_and_adds_nothing(pairs: list[tuple[list[int], int]]):
    encoded = [Encoded(tuple(ids), start, False) for ids, start in pairs]
    batch = collate(encoded, PAD)
    longest = max(len(ids) for ids, _ in pairs)
    assert batch.input_ids.shape == batch.labels.shape == batch.attention_mask.shape
    assert batch.input_ids.shape == (len(pairs), longest)
    for index, row in enumerate(encoded):
        length = int(batch.attention_mask[index].sum())
        assert tuple(batch.input_ids[index, :length].tolist()) == row.input_ids
        scored = batch.labels[index] != IGNORED
        assert int(scored.sum()) == row.scored
        assert torch.equal(batch.labels[index][scored], batch.input_ids[index][scored])


def test_batches_move_with_all_they_hold():
    one = collate([Encoded((1, 2), 1, False)], PAD)
    assert isinstance(one.to("cpu"), TokenBatch)
    moved = UnlearnBatch({"forget": one, "retain": one}).to("meta")
    assert moved.size == 1
    for batch in (moved["forget"], moved["retain"]):
        assert {batch.input_ids.device.type, batch.labels.device.type} == {"meta"}
    with pytest.raises(MethodError, match=r"no stream 'retain' in the batch \(forget\)"):
        UnlearnBatch({"forget": one}).to("cpu")["retain"]
    with pytest.raises(MethodError, match="no stream asks the reference"):
        UnlearnBatch({"forget": one}).reference.logits("forget")


lengths = st.lists(st.integers(1, 300), max_size=500)


@given(lengths, st.integers(1, 20), st.integers(0, 5))
def test_every_index_stands_in_one_batch(lengths: list[int], size: int, seed: int):
    batches = length_grouped(lengths, size, random.Random(seed))
    assert Counter(index for batch in batches for index in batch) == Counter(range(len(lengths)))
    assert all(1 <= len(batch) <= size for batch in batches)
    assert sum(len(batch) < size for batch in batches) <= 1
    assert batches == length_grouped(lengths, size, random.Random(seed))
    for batch in batches:
        assert [lengths[i] for i in batch] == sorted((lengths[i] for i in batch), reverse=True)


def test_another_seed_gives_another_order():
    lengths = list(range(1, 101))
    first = length_grouped(lengths, 16, random.Random(0))
    assert first != length_grouped(lengths, 16, random.Random(1))


def test_grouping_saves_padding():
    lengths = [10 + (n * 37) % 90 for n in range(400)]
    grouped = length_grouped(lengths, 16, random.Random(0))
    padded = sum(max(lengths[i] for i in batch) * len(batch) for batch in grouped)
    # Without grouping a batch of 16 out of 10 … 99 is padded to about 95, a mean of 54: 1.75.
    assert padded / sum(lengths) < 1.1
