"""Logits at scored positions alone: as a pass over all positions gives them, and no others."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from unharness import TokenBatch, scored_log_probs, sequence_nll, token_log_probs
from unharness.data.recipe import LoraSettings
from unharness.models.lora import add_adapter
from unharness.training.scored_logits import all_logits, scored_logits

N = -100
KINDS = ["llama", "gpt_neox", "qwen2"]


@pytest.fixture
def batch():
    ids = torch.randint(5, 60, (3, 12), generator=torch.Generator().manual_seed(0))
    labels = ids.clone()
    labels[:, :5] = N  # a question
    labels[1, 8:] = N  # padding
    labels[2] = N  # nothing is scored
    mask = torch.ones_like(ids)
    mask[1, 8:] = 0
    return TokenBatch(ids, mask, labels)


def _gradients(model):
    found = {name: v.grad for name, v in model.named_parameters() if v.grad is not None}
    model.zero_grad(set_to_none=True)
    return found


@pytest.mark.parametrize("adapted", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_values_and_gradients_are_those_of_a_whole_pass(load_checkpoint, batch, kind, adapted):
    model, _ = load_checkpoint(kind)
    if adapted:
        model = add_adapter(model, LoraSettings(dropout=0.0), seed=0)
    asked = []
    head = model.get_output_embeddings()
    handle = head.register_forward_hook(lambda module, given, out: asked.append(given[0].shape))
    found = scored_log_probs(model, batch)
    handle.remove()
    assert [shape[:-1].numel() for shape in asked] == [10]  # 7 of the first, 3 of the second
    wanted = token_log_probs(all_logits(model, batch), batch.labels)
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)
    found.sum().backward()
    own = _gradients(model)
    wanted.sum().backward()
    whole = _gradients(model)
    assert own.keys() == whole.keys()
    for name, value in own.items():
        torch.testing.assert_close(value, whole[name], rtol=1e-4, atol=1e-6)
    assert not head._forward_pre_hooks  # the model is as it was


def test_the_head_is_found_in_a_wrapper_of_torchs(load_checkpoint, batch):
    class Wrapped(nn.Module):  # as DistributedDataParallel holds a model
        def __init__(self, module):
            super().__init__()
            self.module = module

        def forward(self, **given):
            return self.module(**given)

    model, _ = load_checkpoint("llama")
    with torch.no_grad():
        assert torch.equal(scored_logits(Wrapped(model), batch), scored_logits(model, batch))


def test_a_model_without_a_head_of_its_own_is_passed_whole(batch):
    class Table(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Parameter(torch.randn(60, 60))

        def forward(self, input_ids, attention_mask, use_cache):
            return SimpleNamespace(logits=self.table[input_ids])

    model = Table()
    wanted = model.table[batch.input_ids[:, :-1][batch.labels[:, 1:] != N]]
    assert torch.equal(scored_logits(model, batch), wanted)


def test_a_batch_in_which_nothing_is_scored_has_a_loss_of_zero(load_checkpoint, batch):
    model, _ = load_checkpoint("llama")
    empty = batch.rows([2])
    assert scored_logits(model, empty).shape[0] == 0
    loss = sequence_nll(model, empty).sum()
    loss.backward()
    assert loss.item() == 0.0
