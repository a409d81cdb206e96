"""Refusals with answer preservation: a worked example, and which rows stand together."""

import pytest

from unharness import UnlearnBatch
from unharness_methods.idk_ap import IDKAP


def test_a_worked_example(known_model):
    streams = {
        "forget": known_model.says([-3.0, -1.0, -1.0, -1.0], [-1.0, -1.0, -1.5, -0.5]),
        "retain": known_model.says([-0.2, -0.4], [-0.4, -0.8]),
        "retain refusal": known_model.says([-2.0, -4.0], [-1.0, -4.0]),
    }
    batch = UnlearnBatch(streams)
    made = IDKAP(IDKAP.Config())
    refusal, preservation = made.loss_terms(known_model, batch)
    assert refusal.item() == pytest.approx(1.250000, abs=1e-6)
    # ap_loss of sail-sg/closer-look-LLM-unlearning at b90ac96 gives 4.901261 on these batches.
    assert preservation.item() == pytest.approx(4.901262, abs=2e-6)
    weighted = IDKAP(IDKAP.Config(forget_weight=2, preservation_weight=0.5))
    assert weighted.loss(known_model, batch).item() == pytest.approx(2.5 + 4.901262 / 2, abs=1e-5)


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_both_answers_of_the_retain_set_stand_to_one_question(context, tuning):
    work = context(tuning)

    class Watched(IDKAP):
        def loss_terms(self, model, batch):
            pairs.append((batch["retain"], batch["retain refusal"]))
            return super().loss_terms(model, batch)

    pairs = []
    Watched(Watched.Config(epochs=2, batch_size=2, lr=1e-3)).unlearn(work)
    assert len(pairs) == 6
    for answers, refusals in pairs:
        for one, two in zip(answers.labels, refusals.labels, strict=True):
            start = int((one != -100).nonzero()[0, 0])
            assert start == int((two != -100).nonzero()[0, 0])
        rows = zip(answers.token_rows(), refusals.token_rows(), strict=True)
        assert all(a[:6] == b[:6] and a != b for a, b in rows)
    assert work.log.losses[-1] < work.log.losses[0]
