"""The losses with a retain term on a small real model: batches, references, training."""

import copy
import math

import pytest
import torch

from unharness import (
    Example,
    RetainLossMethod,
    UnlearnBatch,
    scored_log_probs,
    sequence_nll,
)
from unharness.data.batches import collate
from unharness.registry import registry
from unharness.unlearning.reference import make_reference
from unharness.unlearning.streams import with_forget
from unharness_methods.npo import NPO

BUILT_IN = [
    registry().get("methods", entry.name)
    for entry in registry().entries("methods")
    if entry.plugin.builtin
]
METHODS = [method for method in BUILT_IN if issubclass(method, RetainLossMethod)]


def called(method):
    return method.name


def test_there_are_methods():
    assert len(METHODS) >= 12


@pytest.mark.parametrize("retain_loss", ["nll", "kl"])
@pytest.mark.parametrize("method", METHODS, ids=called)
def test_neither_padding_nor_micro_batches_change_the_loss(context, method, retain_loss):
    work = context("full")
    made = method(method.Config(retain_loss=retain_loss))
    made.prepare(work)
    streams = with_forget(made.streams())
    rows = {}
    for name, stream in streams.items():
        splits = work.trainable(stream.role)
        if stream.answer != "answer":
            splits = [
                split.with_examples(
                    Example(row.id, row.prompt, row.alternatives[stream.answer][0])
                    for row in split.examples
                )
                for split in splits
            ]
        rows[name] = work.encode(splits)[:3]
    reference = make_reference(work.model, streams)
    if reference:
        reference.prepare(work, rows)
    with torch.no_grad():
        for value in work.model.parameters():
            value.mul_(0.9)
    pad = work.tokenizer.pad_token_id

    def loss(indices):
        batch = {name: collate([found[i] for i in indices], pad) for name, found in rows.items()}
        terms = list(made.loss_terms(work.model, UnlearnBatch(batch, reference)))
        assert len(terms) == len(made.streams_by_term())
        return sum(terms).item()

    together = loss([0, 1, 2])
    assert math.isfinite(together)
    assert together == pytest.approx(sum(loss([i]) for i in range(3)) / 3, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("tuning", ["lora", "full"])
@pytest.mark.parametrize("method", METHODS, ids=called)
def test_a_training_moves_what_is_trained(context, method, tuning):
    work = context(tuning, dropout=0.1)
    before = copy.deepcopy(dict(work.model.named_parameters()))
    made = method(method.Config(epochs=1, batch_size=4, lr=1e-3, retain_loss="nll"))
    made.unlearn(work)
    assert len(work.log.losses) == 2  # five examples in batches of four
    assert all(map(math.isfinite, work.log.losses))
    after = dict(work.model.named_parameters())
    assert all(value.isfinite().all() for value in after.values())
    moved = {name for name in after if not torch.equal(after[name], before[name])}
    assert moved == {name for name, value in after.items() if value.requires_grad}


class WatchedNPO(NPO):
    """NPO that keeps what the reference says."""

    def forget_loss(self, model, batch):
        self.seen.append((batch["forget"], batch.reference.log_probs("forget")))
        return super().forget_loss(model, batch)


@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_the_reference_stays_the_target_while_the_model_moves(context, tuning):
    work = context(tuning)
    target = copy.deepcopy(work.model)
    made = WatchedNPO(NPO.Config(epochs=3, batch_size=4, lr=1e-2, retain_loss="none"))
    made.seen = []
    made.unlearn(work)
    batch, said = made.seen[-1]
    with torch.no_grad():
        wanted, now = scored_log_probs(target, batch), scored_log_probs(work.model, batch)
    torch.testing.assert_close(said, wanted, rtol=1e-5, atol=1e-5)
    assert (now - wanted).abs().max() > 1e-3


@pytest.mark.parametrize("tuning", ["lora", "full"])
@pytest.mark.parametrize("name", ["npo", "dpo-idk"])
def test_ratios_start_at_0(context, name, tuning):
    work = context(tuning)
    method = registry().get("methods", name)
    method(method.Config(epochs=1, lr=1e-4, retain_loss="kl")).unlearn(work)
    # The divergence from the reference is 0 there as well.
    assert work.log.losses[0] == pytest.approx(20 * math.log(2), abs=1e-4)


def test_without_a_retain_term_the_retain_set_is_not_read():
    for given in ({"retain_loss": "none"}, {"retain_weight": 0}):
        made = NPO(NPO.Config(**given))
        assert set(made.streams()) == {"forget"}
        assert made.streams_by_term() == [["forget"]]
    assert set(NPO(NPO.Config()).streams()) == {"forget", "retain"}
    assert NPO(NPO.Config()).streams()["retain"].reference == frozenset()
    assert NPO(NPO.Config(retain_loss="kl")).streams()["retain"].reference == {"logits"}


def test_a_third_party_loss_is_its_formula(context):
    class Own(RetainLossMethod):
        name = "own"
        summary = "Unlearns by a formula of its own."

        def forget_loss(self, model, batch):
            return -sequence_nll(model, batch["forget"]).mean()

    work = context("full")
    Own(Own.Config(epochs=1, batch_size=4)).unlearn(work)
    assert len(work.log.losses) == 2
