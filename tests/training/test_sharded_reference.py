"""FSDP with LoRA and a reference: the reference speaks through the model that is trained."""

import pytest
import torch
import torch.distributed
from peft import LoraConfig, get_peft_model

from unharness import LossMethod, Stream, UnlearnContext, sequence_kl, sequence_nll
from unharness.data.recipe import LoraSettings
from unharness.data.sources import DataSource
from unharness.models.lora import add_adapter
from unharness.training import ranks
from unharness_tasks.knowundo.privacy import KnowUnDoPrivacy


class BothAtOnce(LossMethod):
    """The reference is asked while the graph of an earlier forward pass waits for its backward."""

    name = "both-at-once"
    summary = "s"
    Config = LossMethod.Config

    def streams(self):
        return {"retain": Stream("retain", reference={"logits"})}

    def loss(self, model, batch):
        ascent = -sequence_nll(model, batch["forget"]).mean()
        return ascent + sequence_kl(model, batch["retain"], batch.reference.logits("retain")).mean()


class LowLayers(BothAtOnce):
    """The same on part of the adapter."""

    name = "low-layers"

    def select_parameters(self, context):
        return [
            name
            for name, value in context.model.named_parameters()
            if value.requires_grad and ".layers.0." in name
        ]


@pytest.fixture
def context(load_checkpoint, data_folder):
    def make(*, on_head):
        model, tokenizer = load_checkpoint("llama")
        if on_head:  # outside of the layers, where FSDP keeps what it gathered
            torch.manual_seed(0)
            config = LoraConfig(target_modules=["down_proj", "lm_head"], task_type="CAUSAL_LM")
            model = get_peft_model(model, config)
        else:
            model = add_adapter(model, LoraSettings(dropout=0.0), seed=0)
        for name, value in model.named_parameters():
            if ".lora_B." in name:  # an adapter that has learned something
                torch.nn.init.normal_(value, std=0.05, generator=torch.Generator().manual_seed(1))
        data = KnowUnDoPrivacy().load(DataSource(str(data_folder))).limited(4)
        return UnlearnContext(model.eval(), tokenizer, data, 0, 256, "cpu")

    return make


@pytest.fixture
def group():
    store = torch.distributed.HashStore()
    torch.distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method_class", "on_head"), [(BothAtOnce, False), (BothAtOnce, True), (LowLayers, False)]
)
def test_the_whole_model_rests_while_its_parts_are_trained(
    method_class, on_head, context, group, monkeypatch
):
    config = method_class.Config(lr=1e-2, epochs=2, batch_size=2)
    alone, sharded = context(on_head=on_head), context(on_head=on_head)
    method_class(config).unlearn(alone)

    # On a GPU the whole model waits on the CPU, and cannot read the batches of the device.
    def check(module, args, given):
        if module is sharded.model:
            raise AssertionError("the model was called that waits on the CPU")

    handle = sharded.model.register_forward_pre_hook(check, with_kwargs=True)
    monkeypatch.setattr(ranks, "_sharded", True)
    method_class(config).unlearn(sharded)
    handle.remove()
    assert sharded.log.losses == pytest.approx(alone.log.losses, rel=1e-5)
    moved = alone.model.state_dict()
    for name, value in sharded.model.state_dict().items():
        torch.testing.assert_close(value, moved[name], rtol=1e-5, atol=1e-6)
    assert all(norm > 0 for norm in sharded.log.update_norms.values())
