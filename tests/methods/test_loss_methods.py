"""The losses with a retain term on a small real model: batches, references, training."""

import copy
import math

import pytest
import torch

from unharness import (
    RetainLossMethod,
    scored_log_probs,
    sequence_nll,
)
from unharness.registry import registry
from unharness_methods.npo import NPO


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
