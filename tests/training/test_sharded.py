import pytest
import torch
import torch.distributed
from torch import nn
from torch.distributed.tensor import DTensor

from unharness.training.sharded import fsdp_sharded, gather_full_tensor


class Net(nn.Module):
    """Two layers, and an output that shares its weights with the input, as language models do."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(7, 4)
        self.layers = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])
        self.head = nn.Linear(4, 7, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, tokens):
        states = self.embed(tokens)
        for layer in self.layers:
            states = layer(states)
        return self.head(states)


@pytest.fixture
def group():
    store = torch.distributed.HashStore()
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


def test_what_is_trained_in_parts_is_in_the_model_afterwards(group):
    torch.manual_seed(0)
    model, tokens = Net(), torch.tensor([[1, 2, 3]])
    model.layers[0].weight.requires_grad_(False)
    before = {name: value.detach().clone() for name, value in model.named_parameters()}
    with fsdp_sharded(model, torch.device("cpu")) as parts:
        assert all(isinstance(value, DTensor) for value in parts.parameters())
        optimizer = torch.optim.SGD(parts.parameters(), lr=0.5)
        parts(tokens).pow(2).sum().backward()
        optimizer.step()
        expected = {
            name: gather_full_tensor(value).clone() for name, value in parts.named_parameters()
        }
        assert torch.equal(model.embed.weight, before["embed.weight"])  # not yet
    assert model.head.weight is model.embed.weight
    for name, value in model.named_parameters():
        assert not isinstance(value, DTensor)
        assert torch.equal(value, expected[name])
        assert torch.equal(value, before[name]) == (name == "layers.0.weight")
    assert model(tokens).shape == (1, 3, 7)


def test_a_training_that_breaks_leaves_the_model_as_it_was(group):
    model = Net()
    before = model.embed.weight.detach().clone()

    def train():
        with fsdp_sharded(model, torch.device("cpu")) as parts, torch.no_grad():
            parts.embed.weight.zero_()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        train()
    assert torch.equal(model.embed.weight, before)


def test_a_whole_tensor_is_itself():
    tensor = torch.ones(2)
    assert gather_full_tensor(tensor) is tensor
