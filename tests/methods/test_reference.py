"""The reference model against an actual second copy, and what it keeps in memory."""

import copy
from typing import Any

import pytest
import torch

from unharness import MethodError, Stream, TaskData, UnlearnBatch, UnlearnContext, token_log_probs
from unharness.data.batches import collate
from unharness.data.recipe import LoraSettings
from unharness.data.sources import DataSource
from unharness.errors import PluginError
from unharness.models.lora import add_adapter
from unharness.training.blocks import decoder_blocks, hidden_states
from unharness.unlearning.reference import AdapterReference, StoredReference, make_reference
from unharness_tasks.knowundo.privacy import KnowUnDoPrivacy

N = -100
EVERYTHING = frozenset({"log_probs", "logits", "hidden"})


@pytest.fixture
def context(load_checkpoint, data_folder):
    """A context on a few real examples; `tuning` decides what is trained."""

    def make(tuning: str, kind: str = "llama") -> UnlearnContext:
        model, tokenizer = load_checkpoint(kind)
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


def prepared(work: UnlearnContext, stream: Stream, rows: Any) -> Any:
    reference: Any = make_reference(work.model, {"retain": stream})
    reference.prepare(work, {"retain": rows})
    return reference


def disturb(model: Any) -> list[torch.Tensor]:
    """Move everything that is trained, as training would."""
    movable = [value for value in model.parameters() if value.requires_grad]
    with torch.no_grad():
        for value in movable:
            value.add_(0.1)
    return [value.detach().clone() for value in movable]


@pytest.mark.parametrize("kind", ["llama", "qwen2", "gpt_neox"])
@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_the_reference_is_a_second_copy_of_the_target(context, tuning, kind):
    work = context(tuning, kind)
    rows = work.encode("retain")
    second = copy.deepcopy(work.model)
    layers = (0, len(decoder_blocks(second)) - 1)
    reference = prepared(work, Stream("retain", reference=EVERYTHING, layers=layers), rows)
    assert isinstance(reference, AdapterReference if tuning == "lora" else StoredReference)
    moved = disturb(work.model)
    work.model.train()
    retain = collate([rows[4], rows[0], rows[2]], work.tokenizer.pad_token_id)
    asked = UnlearnBatch({"forget": retain, "retain": retain}, reference).reference
    log_probs, logits = asked.log_probs("retain"), asked.logits("retain")
    hidden = {layer: asked.hidden("retain", layer) for layer in layers}
    assert work.model.training
    trained = [value for value in work.model.parameters() if value.requires_grad]
    assert all(torch.equal(one, two) for one, two in zip(trained, moved, strict=True))

    blocks: dict[int, torch.Tensor] = {}
    for layer in layers:  # on its own block, without the harness's own search and hooks
        name = f"{layer}"
        module = next(
            module
            for path, module in second.named_modules()
            if path.endswith((f"layers.{name}",)) and "rotary" not in path
        )
        module.register_forward_hook(
            lambda module, args, output, layer=layer: blocks.update(
                {layer: output[0] if isinstance(output, tuple) else output}
            )
        )
    with torch.no_grad():
        wanted = second(input_ids=retain.input_ids, attention_mask=retain.attention_mask).logits
    scored = retain.labels[:, 1:] != N
    exact = wanted.double().log_softmax(-1)[:, :-1]
    exact = exact.gather(2, retain.labels[:, 1:, None].clamp(min=0))[..., 0]
    assert log_probs.shape == scored.shape
    assert log_probs.dtype == torch.float32
    assert not log_probs[~scored].any()
    torch.testing.assert_close(log_probs[scored], exact[scored].float(), rtol=1e-5, atol=1e-5)
    assert logits.shape == wanted.shape
    torch.testing.assert_close(logits[:, :-1][scored], wanted[:, :-1][scored], rtol=1e-5, atol=1e-5)
    mask = retain.attention_mask.bool()
    assert not mask.all()
    for layer in layers:
        torch.testing.assert_close(hidden[layer][mask], blocks[layer][mask], rtol=1e-5, atol=1e-5)
        assert not hidden[layer][~mask].any()


@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_everywhere_covers_question_and_padding(context, tuning):
    work = context(tuning)
    rows = work.encode("retain")
    second = copy.deepcopy(work.model)
    stream = Stream("retain", reference=frozenset({"logits"}), everywhere=True)
    reference = prepared(work, stream, rows)
    disturb(work.model)
    short, long = sorted(rows, key=lambda row: len(row.input_ids))[:: len(rows) - 1]
    batch = collate([short, long], work.tokenizer.pad_token_id)
    assert not batch.attention_mask.all()  # there is padding to speak of
    with torch.no_grad():
        wanted = second(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits
    found = reference.logits("retain", batch)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def tensors_of(value: Any) -> list[torch.Tensor]:
    """Every tensor that is held, wherever it is in the object's own fields."""
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, torch.nn.Module):
        return [tensor.detach() for tensor in value.parameters()]
    if isinstance(value, dict):
        return [tensor for item in value.values() for tensor in tensors_of(item)]
    if isinstance(value, list | tuple):
        return [tensor for item in value for tensor in tensors_of(item)]
    return [] if isinstance(value, Stream) else tensors_of(getattr(value, "__dict__", None) or ())


def bytes_held(value: Any) -> int:
    storages = {tensor.untyped_storage().data_ptr(): tensor for tensor in tensors_of(value)}
    return sum(tensor.untyped_storage().nbytes() for tensor in storages.values())


def test_with_full_tuning_nothing_is_kept_but_what_was_asked_for(context):
    work = context("full")
    rows = work.encode("retain")
    model = work.model
    width, vocabulary = model.config.hidden_size, model.config.vocab_size
    scored = sum(row.scored for row in rows)
    tokens = sum(len(row.input_ids) for row in rows)
    head = vocabulary * width
    for reference, layers, floats in (
        ({"log_probs"}, (), scored),
        ({"logits"}, (), scored * width + head),
        ({"hidden"}, (1,), tokens * width),
        ({"hidden"}, (0, 1), 2 * tokens * width),
        (EVERYTHING, (0,), scored + scored * width + head + tokens * width),
    ):
        stream = Stream("retain", reference=frozenset(reference), layers=layers)
        kept = prepared(work, stream, rows)
        assert bytes_held(kept) == 4 * floats, reference
        # Gathering a batch keeps nothing either.
        batch = collate(rows[:3], work.tokenizer.pad_token_id)
        if "log_probs" in reference:
            kept.log_probs("retain", batch)
        assert bytes_held(kept) == 4 * floats, reference


def test_with_lora_a_copy_of_the_adapter_is_kept_and_nothing_else(context):
    work = context("lora")
    stream = Stream("retain", reference=EVERYTHING, layers=(0,))
    kept = prepared(work, stream, work.encode("retain"))
    adapter = sum(value.numel() for value in work.model.parameters() if value.requires_grad)
    held = bytes_held(kept._kept)  # pairs of the model's own tensor and its copy
    assert held == 2 * 4 * adapter


def test_no_reference_where_no_stream_asks(context):
    work = context("full")
    assert make_reference(work.model, {"retain": Stream("retain")}) is None


def test_what_was_not_asked_for_is_refused_with_what_to_declare(context):
    work = context("full")
    rows = work.encode("retain")
    reference = prepared(work, Stream("retain", reference=frozenset({"hidden"}), layers=(1,)), rows)
    batch = collate(rows[:2], work.tokenizer.pad_token_id)
    with pytest.raises(MethodError, match=r"'retain' does not ask the reference for logits"):
        reference.logits("retain", batch)
    with pytest.raises(MethodError, match=r"'forget' does not ask the reference for log_probs"):
        reference.log_probs("forget", batch)
    with pytest.raises(MethodError, match=r"for layer 0; its layers are 1"):
        reference.hidden("retain", batch, 0)


def test_streams_are_checked_when_they_are_made():
    for options, message in (
        ({"role": "keep"}, "unknown role 'keep'"),
        ({"role": "retain", "reference": {"tokens"}}, "asks the reference for tokens"),
        ({"role": "retain", "reference": {"hidden"}}, "names layers if and only if"),
        ({"role": "retain", "layers": (1,)}, "names layers if and only if"),
        ({"role": "retain", "reference": {"hidden"}, "layers": (-1,)}, "counted from 0"),
    ):
        with pytest.raises(PluginError, match=message):
            Stream(**options)


def test_all_blocks_of_a_batch_come_from_one_pass_of_the_adapter(context):
    work = context("lora")
    stream = Stream("retain", reference=frozenset({"hidden"}), layers=(0, 1))
    encoded = work.encode("retain")
    reference = prepared(work, stream, encoded)
    passes: list[Any] = []
    decoder_blocks(work.model)[0].register_forward_hook(lambda *_: passes.append(1))
    one, other = (
        collate(rows, work.tokenizer.pad_token_id) for rows in (encoded[:2], encoded[2:4])
    )
    wanted = [hidden_states(work.model, batch, layer) for batch in (one, other) for layer in (0, 1)]
    passes.clear()
    found = [reference.hidden("retain", batch, layer) for batch in (one, other) for layer in (0, 1)]
    assert len(passes) == 2  # one a batch
    assert all(torch.equal(have, want) for have, want in zip(found, wanted, strict=True))
    again = reference.hidden("retain", one, 1)  # of a batch before the last
    assert torch.equal(again, wanted[1])
    assert torch.equal(reference.hidden("retain", one, 1), wanted[1])  # what was given already


@pytest.mark.parametrize("kind", ["llama", "qwen2", "gpt_neox"])
@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_hidden_states_of_a_truncated_pass_have_the_gradient_of_a_whole_one(context, tuning, kind):
    work = context(tuning, kind)
    batch = collate(work.encode("retain")[:3], work.tokenizer.pad_token_id)
    passes: list[int] = []
    handle = work.model.get_output_embeddings().register_forward_hook(lambda *_: passes.append(1))
    states = hidden_states(work.model, batch, 0)
    assert not passes  # the head was never reached
    states.square().mean().backward()
    handle.remove()
    ours = {
        name: value.grad.clone()
        for name, value in work.model.named_parameters()
        if value.grad is not None
    }
    assert ours
    work.model.zero_grad()
    whole = work.model(
        input_ids=batch.input_ids, attention_mask=batch.attention_mask, output_hidden_states=True
    ).hidden_states[1]
    mask = batch.attention_mask.bool()[..., None]
    (whole * mask).square().mean().backward()
    for name, value in work.model.named_parameters():
        if name in ours:
            torch.testing.assert_close(ours[name], value.grad, rtol=1e-4, atol=1e-8)
        else:
            assert value.grad is None or not value.grad.any()


def test_a_block_that_there_is_not_is_refused(context):
    work = context("full")
    batch = collate(work.encode("retain")[:1], work.tokenizer.pad_token_id)
    with pytest.raises(MethodError, match="no decoder block 9: blocks are 0 to"):
        hidden_states(work.model, batch, 9)


def test_log_probs_of_reference_and_model_agree_at_the_start(context):
    # The ratio of every preference loss must begin at 1.
    for tuning in ("lora", "full"):
        work = context(tuning)
        rows = work.encode("retain")
        reference = prepared(work, Stream("retain", reference=frozenset({"log_probs"})), rows)
        batch = collate(rows[1:4], work.tokenizer.pad_token_id)
        with torch.no_grad():
            own = work.model(input_ids=batch.input_ids, attention_mask=batch.attention_mask)
        gap = token_log_probs(own.logits, batch.labels) - reference.log_probs("retain", batch)
        assert gap.sum(1).abs().max() < 1e-4
