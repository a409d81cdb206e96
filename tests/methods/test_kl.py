"""Gradient ascent with KL, and the reference model that costs no second copy."""

import copy
import math
from types import SimpleNamespace

import pytest
import torch

from unharness import TaskData, UnlearnBatch, UnlearnContext, sequence_kl, sequence_nll
from unharness.data.batches import TokenBatch, collate
from unharness.data.recipe import LoraSettings
from unharness.data.sources import DataSource
from unharness.models.lora import add_adapter
from unharness.unlearning.reference import make_reference
from unharness_methods.kl import GradientAscentKL
from unharness_tasks.knowundo.privacy import KnowUnDoPrivacy

N = -100


class Bigram(torch.nn.Module):
    def __init__(self, table):
        super().__init__()
        self.table = torch.nn.Parameter(table.clone())

    def forward(self, input_ids, attention_mask, use_cache=True):
        return SimpleNamespace(logits=self.table[input_ids])


def test_kl_by_hand():
    # The model says (1/4, 3/4) after token 0, the reference (1/2, 1/2), after token 1 both agree.
    # Example 0 -> 1 -> 0 scores both positions: KL = (ln(4/3) / 2 + 0) / 2, as
    # 1/2 ln((1/2) / (1/4)) + 1/2 ln((1/2) / (3/4)) = 1/2 ln(4/3).
    own = Bigram(torch.tensor([[0.25, 0.75], [0.5, 0.5]]).log())
    batch = TokenBatch(
        torch.tensor([[0, 1, 0]]), torch.ones(1, 3, dtype=torch.long), torch.tensor([[N, 1, 0]])
    )
    reference = torch.zeros(1, 3, 2)
    value = sequence_kl(own, batch, reference)
    assert value.tolist() == pytest.approx([math.log(4 / 3) / 4], abs=1e-6)
    forget_nll = -(math.log(0.75) + math.log(0.5)) / 2
    method = GradientAscentKL(GradientAscentKL.Config(forget_weight=0.5, kl_weight=3.0))
    says = SimpleNamespace(scored_logits=lambda stream, batch: reference[:, :-1].flatten(0, 1))
    loss = method.loss(own, UnlearnBatch({"forget": batch, "retain": batch}, says))
    assert loss.item() == pytest.approx(3 * math.log(4 / 3) / 4 - 0.5 * forget_nll, abs=1e-6)


def test_kl_and_its_gradient_against_float64():
    generator = torch.Generator().manual_seed(0)
    table = torch.randn(300, 300, generator=generator)  # more positions than one chunk holds
    ids = torch.randint(300, (4, 120), generator=generator)
    labels = ids.clone()
    labels[:, :7] = N
    labels[2, 90:] = N
    batch = TokenBatch(ids, torch.ones_like(ids), labels)
    reference = torch.randn(4, 120, 300, generator=generator)
    own, exact = Bigram(table), Bigram(table.double())
    sequence_kl(own, batch, reference).mean().backward()
    scored = labels[:, 1:] != N
    log_p = exact.table[ids][:, :-1].log_softmax(-1)
    log_r = reference.double()[:, :-1].log_softmax(-1)
    divergence = (log_r.exp() * (log_r - log_p)).sum(-1) * scored
    wanted = (divergence.sum(1) / scored.sum(1)).mean()
    wanted.backward()
    value = sequence_kl(own, batch, reference).mean()
    assert value.item() == pytest.approx(wanted.item(), rel=1e-6)
    torch.testing.assert_close(own.table.grad.double(), exact.table.grad, rtol=1e-5, atol=1e-9)


@pytest.fixture
def context(load_checkpoint, data_folder):
    """A context on a few real examples; `tuning` decides what may move."""

    def make(tuning):
        model, tokenizer = load_checkpoint("llama")
        if tuning == "lora":
            model = add_adapter(model, LoraSettings(dropout=0.5), seed=0)
            for name, value in model.named_parameters():
                if ".lora_B." in name:  # an adapter that has learned something
                    torch.nn.init.normal_(
                        value, std=0.05, generator=torch.Generator().manual_seed(1)
                    )
        data: TaskData = KnowUnDoPrivacy().load(DataSource(str(data_folder))).limited(6)
        return UnlearnContext(model.eval(), tokenizer, data, 0, 256, "cpu")

    return make


@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_gradient_equals_that_of_two_copies(context, tuning):
    work = context(tuning)
    forget, retain = work.encode("forget"), work.encode("retain")
    second_copy = copy.deepcopy(work.model)
    method = GradientAscentKL(GradientAscentKL.Config())
    reference = make_reference(work.model, method.streams())
    reference.prepare(work, {"retain": retain})
    with torch.no_grad():
        for value in work.model.parameters():
            if value.requires_grad:
                value.mul_(0.9)
    left, right = (collate(rows[:4], work.tokenizer.pad_token_id) for rows in (forget, retain))
    batch = UnlearnBatch({"forget": left, "retain": right}, reference)
    for term in method.loss_terms(work.model, batch):
        term.backward()
    ours = {n: p.grad.clone() for n, p in work.model.named_parameters() if p.grad is not None}
    work.model.zero_grad()

    inputs = {"input_ids": right.input_ids, "attention_mask": right.attention_mask}
    with torch.no_grad():
        target = second_copy(**inputs).logits[:, :-1].log_softmax(-1)
    own = work.model(**inputs).logits[:, :-1].log_softmax(-1)
    scored = right.labels[:, 1:] != N
    divergence = torch.nn.functional.kl_div(own, target, log_target=True, reduction="none").sum(-1)
    per_example = (divergence * scored).sum(1) / scored.sum(1)
    (per_example.mean() - sequence_nll(work.model, left).mean()).backward()
    assert ours
    for name, value in work.model.named_parameters():
        if value.grad is None:
            assert name not in ours
            continue
        error = (ours[name] - value.grad).norm() / value.grad.norm().clamp(min=1e-12)
        assert error < 1e-5, name
