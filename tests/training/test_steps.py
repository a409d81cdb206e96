"""The plan of a training: every example where it belongs, and with the right share."""

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unharness.data.batches import UnlearnBatch
from unharness.data.encoding import Encoded
from unharness.training.steps import (
    AlignedRows,
    CyclingRows,
    Step,
    fine_tune_steps,
    unlearn_steps,
)

PAD = 0


def _rows(count: int, start: int) -> list[Encoded]:
    """Rows of different lengths; the first token of each is its number."""
    return [Encoded((start + n, *([1] * (2 + (n * 7) % 5))), 1, False) for n in range(count)]


def _numbers(batch: Any) -> list[int]:
    return [int(row[0]) for row in batch.input_ids]


def _plan(kind: str, count: int, **options: Any) -> list[Step]:
    options = {"epochs": 1, "batch_size": 4, "micro_batch_size": None} | options
    order = random.Random(options.pop("seed", 0))
    if kind == "fine-tune":
        return fine_tune_steps(_rows(count, 1000), pad_token_id=PAD, order=order, **options)
    retain = options.pop("retain", None)
    streams = {"forget": AlignedRows(_rows(count, 1000))}
    if retain:
        streams["retain"] = CyclingRows(_rows(retain, 5000), order)
    return unlearn_steps(streams, pad_token_id=PAD, order=order, **options)


def _forget(step: Step) -> list[list[int]]:
    made = [micro.make() for micro in step.micro_batches]
    return [
        _numbers(batch["forget"] if isinstance(batch, UnlearnBatch) else batch) for batch in made
    ]


@pytest.mark.parametrize("kind", ["fine-tune", "unlearn"])
def test_an_epoch_is_one_pass(kind: str):
    steps = _plan(kind, 10, epochs=3)
    assert [step.examples for step in steps].count(4) == 6  # 10 = 4 + 4 + 2, three times
    assert len(steps) == 9
    for epoch in range(3):
        seen = [
            n for step in steps[3 * epoch : 3 * epoch + 3] for part in _forget(step) for n in part
        ]
        assert sorted(seen) == list(range(1000, 1010))


@pytest.mark.parametrize("kind", ["fine-tune", "unlearn"])
def test_the_order_differs_between_epochs_and_seeds_only(kind: str):
    def order(**options: Any) -> list[Any]:
        return [_forget(step) for step in _plan(kind, 40, **options)]

    two = order(epochs=2)
    assert two[:10] != two[10:]
    assert order(seed=1) == order(seed=1)
    assert order(seed=1) != order(seed=2)


@given(
    kind=st.sampled_from(["fine-tune", "unlearn"]),
    count=st.integers(1, 30),
    retain=st.integers(1, 9),
    batch=st.integers(1, 9),
    micro=st.integers(1, 12) | st.none(),
)
def test_shares_and_tokens_add_up(
    kind: str, count: int, retain: int, batch: int, micro: int | None
):
    options = {"retain": retain} if kind == "unlearn" else {}
    steps = _plan(kind, count, batch_size=batch, micro_batch_size=micro, **options)
    assert sum(step.examples for step in steps) == count
    for step in steps:
        assert sum(part.share for part in step.micro_batches) == pytest.approx(1, abs=1e-12)
        for part in step.micro_batches:
            made = part.make()
            assert made.size == pytest.approx(part.share * step.examples)
            assert made.size <= (micro or batch)
            halves = [made["forget"], made["retain"]] if kind == "unlearn" else [made]
            assert part.tokens == sum(int(half.attention_mask.sum()) for half in halves)
            assert {half.size for half in halves} == {made.size}


def test_micro_batches_split_the_same_steps():
    whole = _plan("unlearn", 22, retain=7, batch_size=8)
    parts = _plan("unlearn", 22, retain=7, batch_size=8, micro_batch_size=3)
    for one, many in zip(whole, parts, strict=True):
        (left,) = [micro.make() for micro in one.micro_batches]
        right = [micro.make() for micro in many.micro_batches]
        assert _numbers(left["forget"]) == [n for batch in right for n in _numbers(batch["forget"])]
        assert _numbers(left["retain"]) == [n for batch in right for n in _numbers(batch["retain"])]
    # 22 = 8 + 8 + 6; in threes: 3 + 3 + 2, 3 + 3 + 2, 3 + 3.
    sizes = sorted([round(m.share * s.examples) for m in s.micro_batches] for s in parts)
    assert sizes == [[3, 3], [3, 3, 2], [3, 3, 2]]


@pytest.mark.parametrize(("forget", "retain"), [(20, 7), (7, 20), (5, 1), (12, 12)])
def test_retain_partners_go_evenly_round(forget: int, retain: int):
    steps = _plan("unlearn", forget, retain=retain, epochs=3, batch_size=4)
    seen = Counter({5000 + n: 0 for n in range(retain)})
    for step in steps:
        for micro in step.micro_batches:
            seen.update(_numbers(micro.make()["retain"]))
    assert sum(seen.values()) == 3 * forget
    assert len(seen) == retain
    assert max(seen.values()) - min(seen.values()) <= 1


def test_without_a_retain_set_there_is_none_in_the_batch():
    for step in _plan("unlearn", 6):
        for micro in step.micro_batches:
            assert set(micro.make().streams) == {"forget"}


def test_batches_are_padded_to_their_longest_not_to_a_constant():
    for step in _plan("unlearn", 30, retain=30, batch_size=5, micro_batch_size=2):
        for micro in step.micro_batches:
            made = micro.make()
            for half in (made["forget"], made["retain"]):
                assert half.input_ids.shape[1] == int(half.attention_mask.sum(1).max())


@pytest.mark.parametrize("micro_batch_size", [None, 3])
def test_general_text_goes_round_beside_the_retain_set(micro_batch_size: int | None):
    order = random.Random(0)
    options: dict[str, Any] = {"epochs": 3, "batch_size": 4, "micro_batch_size": micro_batch_size}
    streams = {
        "forget": AlignedRows(_rows(10, 1000)),
        "retain": CyclingRows(_rows(7, 5000), order),
        "general": CyclingRows(_rows(3, 8000), order),
    }
    steps = unlearn_steps(streams, pad_token_id=PAD, order=order, **options)
    made = [micro.make() for step in steps for micro in step.micro_batches]
    assert all(b["forget"].size == b["retain"].size == b["general"].size for b in made)
    retain = Counter(n for batch in made for n in _numbers(batch["retain"]))
    general = Counter(n for batch in made for n in _numbers(batch["general"]))
    assert set(retain) == set(range(5000, 5007))
    assert max(retain.values()) - min(retain.values()) <= 1
    assert general == dict.fromkeys(range(8000, 8003), 10)


def test_rows_aligned_with_the_forget_examples_stay_so_in_every_epoch_and_micro_batch():
    order = random.Random(0)
    forget = _rows(10, 1000)
    answers = [
        [Encoded((row.input_ids[0], 7 + epoch), 1, False) for row in forget] for epoch in (0, 1)
    ]
    streams = {"forget": AlignedRows(forget), "refusal": AlignedRows(*answers)}
    options: dict[str, Any] = {"epochs": 2, "batch_size": 4, "micro_batch_size": 3}
    steps = unlearn_steps(streams, pad_token_id=PAD, order=order, **options)
    assert len(steps) == 6
    for number, step in enumerate(steps):
        for micro in step.micro_batches:
            batch: Any = micro.make()
            assert (batch.step, batch.total_steps) == (number, 6)
            assert _numbers(batch["refusal"]) == _numbers(batch["forget"])
            assert set(batch["refusal"].input_ids[:, 1].tolist()) == {7 + number // 3}
    assert {row.input_ids for row in streams["refusal"].taken()} == {
        row.input_ids for rows in answers for row in rows
    }
