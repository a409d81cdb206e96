"""The formula for memory against torch's own count of what it keeps."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from unharness.data.batches import TokenBatch
from unharness.data.recipe import LoraSettings
from unharness.models.lora import add_adapter
from unharness.models.shape import shape_of
from unharness.pipeline import memory_formula
from unharness.pipeline.memory_formula import (
    Pass,
    Training,
    activation_bytes,
    estimate,
    logits_bytes,
)
from unharness.training import divergence
from unharness.training.likelihood import sequence_nll

LOW, HIGH = 0.85, 1.15
"""Bounds on estimated over counted bytes."""
EXAMPLES, LENGTH, PROMPT = 4, 64, 20


def _config(**changes: Any) -> LlamaConfig:
    sizes: dict[str, Any] = {"hidden_size": 128, "intermediate_size": 384}
    sizes |= {"num_hidden_layers": 6, "num_attention_heads": 4, "vocab_size": 2000}
    return LlamaConfig(**(sizes | changes))


def _batch(vocabulary: int) -> TokenBatch:
    """Examples of one length but for one, so that there is padding as in any real batch."""
    ids = torch.randint(5, vocabulary, (EXAMPLES, LENGTH))
    mask = torch.ones_like(ids)
    mask[0, -4:] = 0
    labels = ids.clone()
    labels[:, :PROMPT] = -100
    labels[mask == 0] = -100
    return TokenBatch(ids, mask, labels)


def _pass(batch: TokenBatch) -> Pass:
    return Pass(EXAMPLES, LENGTH, int((batch.labels[:, 1:] != -100).sum()))


def _training(tuning: Any, dropout: float, *passes: Pass, **options: Any) -> Training:
    options = {"device": "cpu", "autocast": False, "rank": 8, "weights_bytes": 4} | options
    options["dropout"] = dropout
    terms = tuple((one,) for one in passes)
    return Training(tuning=tuning, **({"terms": terms} | options))


@contextmanager
def _kept(model: Any) -> Iterator[dict[int, int]]:
    """Count the storages that autograd keeps, those of the weights left out: bytes by address."""
    weights = {value.untyped_storage().data_ptr() for value in model.parameters()}
    sizes: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        yield sizes


@pytest.mark.parametrize("autocast", [False, True], ids=["float32", "bfloat16"])
@pytest.mark.parametrize("kv_heads", [4, 2])
@pytest.mark.parametrize("tuning", ["full", "lora", "lora without dropout"])
def test_what_a_pass_keeps_is_what_torch_keeps(tuning: str, kv_heads: int, autocast: bool):
    config = _config(num_key_value_heads=kv_heads)
    model: Any = LlamaForCausalLM(config)
    dropout = 0.1 if tuning == "lora" else 0.0
    if tuning != "full":
        model = add_adapter(model, LoraSettings(dropout=dropout), seed=0)
    batch = _batch(config.vocab_size)
    arithmetic = torch.autocast("cpu", torch.bfloat16, enabled=autocast)
    with _kept(model.train()) as sizes, arithmetic:
        loss = sequence_nll(model, batch).mean()
    counted = sum(sizes.values())
    training = _training("full" if tuning == "full" else "lora", dropout, autocast=autocast)
    one = _pass(batch)
    # The log-probabilities are kept; their gradient, which the estimate has too, is made later, and
    # the head's bf16 output goes before that.
    later = one.scored * config.vocab_size * (6 if autocast else 4)
    found = activation_bytes(shape_of(config), training, one)
    found += logits_bytes(shape_of(config), training, one) - later
    if autocast:
        found += 2 * shape_of(config).multiplied
    assert loss.requires_grad
    assert LOW < found / counted < HIGH, found / counted


def test_weights_gradients_and_moments_are_what_adam_holds():
    config = _config()
    model = LlamaForCausalLM(config)
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    batch = _batch(config.vocab_size)
    sequence_nll(model, batch).mean().backward()
    optimizer.step()
    weights = sum(value.nbytes for value in model.parameters())
    gradients = sum(value.grad.nbytes for value in model.parameters() if value.grad is not None)
    moments = sum(
        value.nbytes
        for state in optimizer.state.values()
        for name, value in state.items()
        if name != "step"
    )
    parts = estimate(shape_of(config), _training("full", 0.0, _pass(batch))).parts
    assert parts["weights"] == weights
    assert parts["gradients"] == gradients
    assert parts["optimizer state"] == moments


SHAPE = shape_of(_config())
ONE = Pass(16, 128, 1024)


def _peak(tuning: str = "full", **options: Any) -> float:
    return estimate(SHAPE, _training(tuning, 0.1, ONE, **options)).peak


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_a_second_term_finds_the_gradients_of_the_first_and_nothing_else(tuning: str):
    apart = _peak(tuning, terms=((ONE,), (ONE,)))
    assert apart == _peak(tuning, accumulates=True)
    assert _peak(tuning) < apart < _peak(tuning, terms=((ONE, ONE),))


@pytest.mark.parametrize("tuning", ["full", "lora"])
@pytest.mark.parametrize("asked", ["logits", "log_probs", "hidden"])
def test_a_reference_costs_more(asked: str, tuning: str):
    layers = 1 if asked == "hidden" else 0
    asking = Pass(16, 128, 1024, frozenset({asked}), layers)
    assert _peak(tuning, terms=((ONE,), (asking,))) > _peak(tuning, terms=((ONE,), (ONE,)))


def test_gradients_stand_beside_activations_only_where_they_add_up():
    assert _peak(accumulates=True) > _peak()


def test_several_gradients_before_training_may_be_the_peak():
    large = Pass(256, 128, 1024)
    found = estimate(SHAPE, _training("full", 0.0, ONE, before=(2, large)))
    assert found.moment == "the gradients before training"
    assert found.parts["gradients before training"] == 2 * 4 * SHAPE.parameters


def test_bfloat16_weights_under_an_adapter_are_half_as_large():
    wide, narrow = (
        estimate(
            SHAPE, _training("lora", 0.1, ONE, device="cuda", autocast=True, weights_bytes=size)
        ).parts
        for size in (4, 2)
    )
    assert narrow["weights"] * 2 == wide["weights"] == 4 * SHAPE.parameters
    assert "bf16 copies of the weights" in wide
    assert "bf16 copies of the weights" not in narrow
    assert narrow["adapter"] == 4 * SHAPE.adapter(8)


def test_the_divergence_compares_as_many_positions_at_a_time_as_is_counted():
    assert memory_formula.POSITIONS_AT_ONCE == divergence.POSITIONS_AT_ONCE
