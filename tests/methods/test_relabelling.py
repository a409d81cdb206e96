"""Random labels and adversarial samples: what stands in the place of the answers."""

import math
from types import SimpleNamespace

import pytest
import torch

from unharness import TokenBatch, UnlearnBatch
from unharness_methods.adversarial import Adversarial, wrong_guesses
from unharness_methods.random_labels import RandomLabels

N = -100


class Bigram(torch.nn.Module):
    """The logits at a position are its token's row of a table."""

    def __init__(self, table):
        super().__init__()
        self.table = torch.nn.Embedding.from_pretrained(table, freeze=False)

    def get_input_embeddings(self):
        return self.table

    def forward(self, input_ids, attention_mask, use_cache=True):
        return SimpleNamespace(logits=self.table(input_ids))


@pytest.fixture
def batch():
    """Two examples of 5 and 4 tokens; the question is 2 and 1 of them, the last is padding."""
    input_ids = torch.tensor([[1, 2, 3, 0, 2], [3, 1, 1, 2, 0]])
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 1, 0]])
    labels = torch.tensor([[N, N, 3, 0, 2], [N, 1, 1, 2, N]])
    return TokenBatch(input_ids, mask, labels)


@pytest.fixture
def model():
    return Bigram(torch.randn(4, 4, generator=torch.Generator().manual_seed(3)) * 3)


def context(model, batch):
    return SimpleNamespace(
        model=model,
        tokenizer=range(4),
        torch_generator=lambda purpose: torch.Generator().manual_seed(11),
        encode=lambda split: [],
        batches=lambda rows, batch_size: [batch],
    )


def exact_nll(model, batch, labels):
    """The mean over examples of the mean NLL of `labels`, a position at a time in float64."""
    log_probs = model.table.weight.detach().double().log_softmax(-1)
    means = []
    for ids, wanted in zip(batch.input_ids.tolist(), labels.tolist(), strict=True):
        places = [place for place in range(1, len(ids)) if wanted[place] != N]
        picked = [log_probs[ids[place - 1], wanted[place]].item() for place in places]
        means.append(-math.fsum(picked) / len(picked))
    return math.fsum(means) / len(means)


@pytest.mark.parametrize("fidelity", ["paper", "released-code"])
def test_random_labels_by_hand(model, batch, fidelity):
    method = RandomLabels(RandomLabels.Config(fidelity=fidelity))
    method.prepare(context(model, batch))
    loss = method.loss(model, UnlearnBatch({"forget": batch}))
    drawn = torch.randint(4, (2, 5), generator=torch.Generator().manual_seed(11))
    # The paper replaces the answer's tokens; its code all but padding.
    where = batch.labels != N if fidelity == "paper" else batch.attention_mask == 1
    labels = torch.where(where, drawn, N)
    assert loss.item() == pytest.approx(exact_nll(model, batch, labels), abs=1e-6)


def test_random_labels_are_drawn_anew_at_every_step(model, batch):
    method = RandomLabels(RandomLabels.Config())
    method.prepare(context(model, batch))
    losses = {method.loss(model, UnlearnBatch({"forget": batch})).item() for _ in range(4)}
    assert len(losses) > 1


def test_wrong_guess_is_the_best_token_that_is_not_the_true_one():
    # One example 2 -> 0 -> 1 over three tokens; logits at t speak of t + 1.
    logits = torch.tensor([[[5.0, 1.0, 2.0], [0.0, 3.0, 1.0], [9.0, 8.0, 7.0]]])
    ids = torch.tensor([[2, 0, 1]])
    # At 1 the truth is 0, the best of the others by [5, 1, 2] is 2; at 2 the truth is 1, the best
    # of the others by [0, 3, 1] is 2. Position 0 is predicted by nothing.
    assert wrong_guesses(logits, ids, shifted=False).tolist() == [[2, 2, 2]]
    # The released code reads the logits of its own position and forbids its own token: at 0
    # token 2 of [5, 1, 2] is out, 0 wins; at 1 token 0 is out, 1 wins; at 2 token 1 is out, 0 wins.
    assert wrong_guesses(logits, ids, shifted=True).tolist() == [[0, 1, 0]]


@pytest.mark.parametrize("fidelity", ["paper", "released-code"])
def test_adversarial_by_hand(model, batch, fidelity):
    method = Adversarial(Adversarial.Config(fidelity=fidelity))
    method.prepare(context(model, batch))
    table = model.table.weight.detach()
    labels = batch.labels.clone()
    for row, ids in enumerate(batch.input_ids.tolist()):
        for place in range(1, 5):
            if labels[row, place] == N:
                continue
            read = place - 1 if fidelity == "paper" else place
            logits = table[ids[read]].clone()
            logits[ids[place]] = -math.inf
            labels[row, place] = int(logits.argmax())
    before = exact_nll(model, batch, labels)
    assert method.loss(model, UnlearnBatch({"forget": batch})).item() == pytest.approx(
        before, abs=1e-6
    )


def test_adversarial_guesses_are_the_target_models_not_the_current_ones(model, batch):
    method = Adversarial(Adversarial.Config())
    method.prepare(context(model, batch))
    kept = method._relabelled(batch).labels
    with torch.no_grad():
        model.table.weight.copy_(-model.table.weight)
    assert torch.equal(method._relabelled(batch).labels, kept)
    assert not (kept == batch.input_ids)[batch.labels != N].any()
