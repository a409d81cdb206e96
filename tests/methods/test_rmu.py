"""RMU and Adaptive RMU: worked examples, the tensors that move, and the block."""

import copy
from types import SimpleNamespace

import pytest
import torch

from unharness import MethodError, TokenBatch, UnlearnBatch, hidden_states
from unharness.data.batches import collate
from unharness.unlearning.reference import make_reference
from unharness.unlearning.streams import with_forget
from unharness_methods.block_choice import block_at
from unharness_methods.rmu import RMU, AdaptiveRMU
from unharness_methods.steering import mean_norms, squared_distance, steering_vector

STATES = torch.tensor([[[1.0, 2.0], [0.0, 1.0]]])
DIRECTION = torch.tensor([0.6, 0.8])
BOTH = torch.ones(1, 2)


def test_a_worked_example():
    loss = squared_distance(STATES, 5 * DIRECTION, BOTH)
    assert loss.item() == pytest.approx(6.5, abs=1e-6)
    kept = squared_distance(torch.tensor([[[1.0, 1.0]]]), torch.tensor([[[0.9, 1.2]]]), BOTH[:, :1])
    assert 100 * kept.item() == pytest.approx(2.5, abs=1e-5)


def test_a_worked_example_of_the_adaptive_length():
    length = 5 * mean_norms(STATES, BOTH)
    assert length.item() == pytest.approx(8.090170, abs=1e-6)
    loss = squared_distance(STATES, length[:, None, None] * DIRECTION, BOTH)
    assert loss.item() == pytest.approx(22.090170, abs=1e-5)


def test_examples_count_alike_unless_padding_counts():
    states = torch.tensor([[[2.0], [2.0]], [[4.0], [0.0]]])
    mask = torch.tensor([[1, 1], [1, 0]])
    zero = torch.zeros(1)
    assert squared_distance(states, zero, mask).item() == (4 + 16) / 2
    assert squared_distance(states, zero, mask, padded=True).item() == (4 + 4 + 16 + 0) / 4


def test_the_direction_is_a_unit_vector_of_one_sign():
    vector = steering_vector(64, torch.Generator().manual_seed(3))
    assert vector.norm().item() == pytest.approx(1)
    assert (vector >= 0).all()


@pytest.mark.parametrize(
    ("count", "layer", "depth", "block"),
    [(32, None, 0.22, 7), (2, None, 0.22, 0), (4, None, 1.0, 3), (4, 3, 0.22, 3)],
)
def test_the_block(count, layer, depth, block):
    assert block_at(count, layer, depth) == block


def test_a_block_that_the_model_has_not(context):
    work = context("full")
    with pytest.raises(MethodError, match="layer=2: the model has blocks 0 to 1; give one of them"):
        RMU(RMU.Config(layer=2)).unlearn(work)
    assert not work.log.steps


@pytest.mark.parametrize("tuning", ["full", "lora"])
@pytest.mark.parametrize("method", [RMU, AdaptiveRMU])
def test_only_mlp_outputs_up_to_the_block_move(context, method, tuning):
    work = context(tuning)
    before = copy.deepcopy(dict(work.model.named_parameters()))
    made = method(method.Config(layer=0, epochs=2, batch_size=4, lr=1e-2, retain_weight=10))
    made.unlearn(work)
    after = dict(work.model.named_parameters())
    moved = {name for name in after if not torch.equal(after[name], before[name])}
    wanted = {name for name, value in after.items() if value.requires_grad}
    wanted = {name for name in wanted if "layers.0.mlp.down_proj" in name}
    assert moved == wanted
    assert work.log.losses[-1] < work.log.losses[0]
    assert work.report["block"] == 0
    assert work.report["mean_norm_of_states"] > 0


def test_whole_blocks_and_the_answers_alone(context):
    work = context("full")
    made = RMU(RMU.Config(layer=1, trained="blocks", tokens="answer", epochs=1, retain_weight=0))
    assert made.streams() == {}
    made.unlearn(work)
    assert any(".self_attn." in name for name in work.log.update_norms)


def test_the_retain_term_starts_at_0(context):
    losses = []
    for weight in (1000.0, 0.0):
        work = context("full")
        RMU(RMU.Config(layer=1, epochs=1, retain_weight=weight)).unlearn(work)
        losses.append(work.log.losses[0])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_the_adaptive_length_of_the_released_code_is_fixed(context):
    work = context("full")
    config = AdaptiveRMU.Config(layer=0, fidelity="released-code", batch_size=5, epochs=1)
    made = AdaptiveRMU(config)
    made.unlearn(work)
    assert work.report["steering"] == pytest.approx(5 * work.report["mean_norm_of_states"])
    ids = torch.ones(1, 2, dtype=torch.long)
    batch = UnlearnBatch({"forget": TokenBatch(ids, ids, ids)}, SimpleNamespace())
    assert made.length(batch).item() == pytest.approx(work.report["steering"])


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_the_released_code_counts_what_the_model_computes_in_padding(context, tuning):
    work = context(tuning)
    config = RMU.Config(layer=1, fidelity="released-code", retain_weight=2, epochs=1)
    made = RMU(config)
    made.prepare(work)
    rows = {role: work.encode(role)[:2] for role in ("forget", "retain")}
    assert len({len(row.input_ids) for row in rows["retain"]}) > 1  # there is padding
    streams = with_forget(made.streams())
    reference = make_reference(work.model, streams)
    reference.prepare(work, rows)
    pad = work.tokenizer.pad_token_id
    batches = {role: collate(part, pad) for role, part in rows.items()}
    with torch.no_grad():
        for value in made.select_parameters(work):
            dict(work.model.named_parameters())[value] += 0.02
    loss = made.loss(work.model, UnlearnBatch(batches, reference)).item()

    def states(role):
        return hidden_states(work.model, batches[role], 1, padding=True).double()

    with torch.no_grad():
        forget, retain = states("forget"), states("retain")
        for value in made.select_parameters(work):
            dict(work.model.named_parameters())[value] -= 0.02
        before = states("retain")
    wanted = 6.5 * made._direction.double()
    by_hand = (forget - wanted).square().mean() + 2 * (retain - before).square().mean()
    assert loss == pytest.approx(by_hand.item(), rel=1e-5)
    blank = batches["retain"].attention_mask == 0
    assert (retain - before)[blank].abs().min() > 0
