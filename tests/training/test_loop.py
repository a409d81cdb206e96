"""The loop: the gradient is the mean over examples, and what goes wrong stops it with the step."""

import copy
import hashlib
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any

import pytest
import torch

from unharness.data.encoding import Encoded, encode_examples
from unharness.data.examples import Example
from unharness.data.recipe import TrainConfig
from unharness.errors import MethodError
from unharness.training.checkpoints import Checkpoints, checkpoint_steps
from unharness.training.likelihood import sequence_nll
from unharness.training.loop import TrainingLog, train
from unharness.training.steps import (
    AlignedRows,
    CyclingRows,
    Step,
    fine_tune_steps,
    unlearn_steps,
)

CONFIG = TrainConfig(epochs=1, lr=1e-3, batch_size=16, warmup_ratio=0.0, max_grad_norm=0.0)


def _examples(count: int, word: str) -> list[Example]:
    return [
        Example(str(n), f"{word} {'very ' * (n % 4)}question {n}?", f"answer {n} " * (1 + n % 5))
        for n in range(count)
    ]


@pytest.fixture
def llama(load_checkpoint: Callable[..., Any]) -> Any:
    model, _ = load_checkpoint("llama")
    return model


@pytest.fixture
def rows(make_tokenizer: Callable[..., Any]) -> Callable[..., list[Encoded]]:
    tokenizer = make_tokenizer(begin=True)

    def make(count: int = 16, word: str = "forget") -> list[Encoded]:
        return encode_examples(tokenizer, _examples(count, word), 256, end_token=True)

    return make


def _steps(rows: Sequence[Encoded], **options: Any) -> list[Step]:
    options = {"epochs": 1, "batch_size": 16, "micro_batch_size": None} | options
    return fine_tune_steps(rows, pad_token_id=0, order=random.Random(0), **options)


def _nll(model: Any, batch: Any) -> torch.Tensor:
    return sequence_nll(model, batch).mean()


def _train(model: Any, steps: Sequence[Step], loss: Any = _nll, **options: Any) -> TrainingLog:
    options = {"seed": 0} | options
    config = CONFIG.model_copy(update=options.pop("config", {}))
    return train(model, steps, loss, config, **options)


def _reference_nll(model: Any, row: Encoded) -> torch.Tensor:
    """The mean negative log-likelihood of one answer, in float64 and without any padding."""
    ids = torch.tensor([row.input_ids])
    log_probs = model(input_ids=ids).logits[0, :-1].log_softmax(-1)
    picked = log_probs.gather(1, ids[0, 1:, None])[:, 0]
    return -picked[row.answer_start - 1 :].mean()


def _mean_gradient(model: Any, losses: Callable[[Any], Iterator[torch.Tensor]]) -> dict[str, Any]:
    """The mean of the gradients of losses taken one at a time, in float64."""
    exact = copy.deepcopy(model).double()
    count = 0
    for loss in losses(exact):
        loss.backward()
        count += 1
    return {name: value.grad / count for name, value in exact.named_parameters()}


def _watch(model: Any) -> dict[str, torch.Tensor]:
    """Sum up the gradients that reach each parameter while it trains."""
    sums: dict[str, torch.Tensor] = {}

    def hook(name: str) -> Callable[[torch.Tensor], None]:
        def add(gradient: torch.Tensor) -> None:
            sums[name] = sums.get(name, 0) + gradient.detach().clone()

        return add

    for name, value in model.named_parameters():
        value.register_hook(hook(name))
    return sums


def _assert_same(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        error = (found[name].double() - gradient).norm() / gradient.norm()
        assert error < 1e-5, f"{name}: relative error {error:.2g}"


@pytest.mark.parametrize("micro", [None, 1, 3, 5, 16])
def test_the_gradient_is_the_mean_over_the_examples(micro: int | None, llama: Any, rows: Any):
    data = rows(16)
    assert len({len(row.input_ids) for row in data}) > 4  # or padding would not be tested
    expected = _mean_gradient(llama, lambda m: (_reference_nll(m, row) for row in data))
    norm = torch.cat([value.flatten() for value in expected.values()]).norm().item()
    reported: list[float] = []
    sums = _watch(llama)
    _train(
        llama,
        _steps(data, micro_batch_size=micro),
        config={"max_grad_norm": 1e9},  # reports the norm and clips nothing
        on_step=lambda step, total, values: reported.append(values["grad_norm"]),
    )
    _assert_same(sums, expected)
    # What the optimizer was given is what reached the parameters.
    assert reported == [pytest.approx(norm, rel=1e-5)]


@pytest.mark.parametrize("micro", [None, 1, 3, 5])
def test_the_gradient_of_an_unlearning_step_too(micro: int | None, llama: Any, rows: Any):
    forget, retain = rows(16), rows(16, "retain")

    def loss(model: Any, batch: Any) -> torch.Tensor:
        return 2 * _nll(model, batch["retain"]) - 0.4 * _nll(model, batch["forget"])

    def one_by_one(model: Any) -> Iterator[torch.Tensor]:
        for left, right in zip(forget, retain, strict=True):  # every partner is seen once
            yield 2 * _reference_nll(model, right) - 0.4 * _reference_nll(model, left)

    expected = _mean_gradient(llama, one_by_one)
    sums = _watch(llama)
    order = random.Random(0)
    steps = unlearn_steps(
        {"forget": AlignedRows(forget), "retain": CyclingRows(retain, order)},
        epochs=1,
        batch_size=16,
        micro_batch_size=micro,
        pad_token_id=0,
        order=order,
    )
    _train(llama, steps, loss)
    _assert_same(sums, expected)


def test_a_smaller_last_batch_is_averaged_over_its_own_examples(llama: Any, rows: Any):
    data = rows(3)
    expected = _mean_gradient(llama, lambda m: (_reference_nll(m, row) for row in data))
    sums = _watch(llama)
    _train(llama, _steps(data, micro_batch_size=2))
    _assert_same(sums, expected)


def test_the_weights_take_adams_first_step(llama: Any, rows: Any):
    data = rows(4)
    gradient = _mean_gradient(llama, lambda m: (_reference_nll(m, row) for row in data))
    before = {name: value.detach().clone() for name, value in llama.named_parameters()}
    _train(llama, _steps(data))
    for name, value in llama.named_parameters():
        # Adam's first step is lr * g / (|g| + 1e-8): lr against the gradient's sign, but where
        # the gradient is next to nothing.
        sure = gradient[name].abs() > 1e-5
        moved = (value.detach() - before[name])[sure]
        expected = -CONFIG.lr * gradient[name][sure].sign().float()
        torch.testing.assert_close(moved, expected, rtol=2e-3, atol=1e-7)


def test_the_loss_curve_and_on_step_are_complete(llama: Any, rows: Any):
    data = rows(10)
    heard: list[tuple[int, int, dict[str, float]]] = []
    losses: list[float] = []

    def loss(model: Any, batch: Any) -> torch.Tensor:
        value = _nll(model, batch)
        losses.append(value.item())
        return value

    steps = _steps(data, epochs=2, batch_size=4)
    log = _train(
        llama,
        steps,
        loss,
        config={"lr": 1e-2, "max_grad_norm": 1.0, "schedule": "linear"},
        on_step=lambda *told: heard.append(told),
    )
    assert (log.steps, log.examples) == (6, 20)
    assert log.tokens == 2 * sum(len(row.input_ids) for row in data)
    assert log.seconds > 0
    assert log.losses == pytest.approx(losses, rel=1e-6)
    assert [told[:2] for told in heard] == [(step, 6) for step in range(1, 7)]
    assert [told[2]["loss"] for told in heard] == log.losses
    assert all(told[2]["grad_norm"] > 0 for told in heard)
    # Without warm-up a linear schedule starts at the highest rate, and ends one step above 0.
    rates = [told[2]["lr"] for told in heard]
    assert rates == pytest.approx([1e-2 * (6 - step) / 6 for step in range(6)])
    assert losses[-1] < losses[0]


def test_the_loss_of_a_step_is_that_of_all_its_micro_batches(llama: Any, rows: Any):
    data = rows(5)
    with torch.no_grad():
        whole = [_reference_nll(copy.deepcopy(llama).double(), row).item() for row in data]
    log = _train(llama, _steps(data, micro_batch_size=2))
    assert log.losses == [pytest.approx(sum(whole) / 5, rel=1e-5)]


@pytest.mark.parametrize("schedule", ["cosine", "linear", "constant"])
def test_warm_up_rises_to_the_highest_rate(schedule: str, llama: Any, rows: Any):
    rates: list[float] = []
    _train(
        llama,
        _steps(rows(10), batch_size=1),
        config={"warmup_ratio": 0.2, "schedule": schedule},
        on_step=lambda step, total, values: rates.append(values["lr"]),
    )
    # A fifth of ten steps: 0, then half, then all of it.
    assert rates[:3] == pytest.approx([0.0, CONFIG.lr / 2, CONFIG.lr])
    assert max(rates) == pytest.approx(CONFIG.lr)
    assert rates[3:] == sorted(rates[3:], reverse=True)
    if schedule == "constant":
        assert rates[3:] == pytest.approx([CONFIG.lr] * 7)


def test_a_single_step_is_not_spent_on_warming_up(llama: Any, rows: Any):
    before = _digest(llama)
    _train(llama, _steps(rows(4)), config={"warmup_ratio": 0.03})
    assert _digest(llama) != before


def _digest(model: Any) -> str:
    digest = hashlib.sha256()
    for _, value in sorted(model.state_dict().items()):
        digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()


def _adapted(load_checkpoint: Callable[..., Any]) -> Any:
    from unharness.data.recipe import LoraSettings
    from unharness.models.lora import add_adapter

    model, _ = load_checkpoint("llama")
    return add_adapter(model, LoraSettings(dropout=0.5), seed=1)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bits(load_checkpoint: Any, rows: Any):
    data = rows(12)
    digests = []
    for seed in (3, 3, 4):
        model = _adapted(load_checkpoint)
        torch.rand(random.randrange(1, 99))  # whatever was drawn before must not count
        _train(model, _steps(data, epochs=2, batch_size=4), seed=seed)
        digests.append(_digest(model))
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]  # the dropout's


def test_only_what_may_move_moves(llama: Any, rows: Any):
    moving = {"model.layers.1.mlp.up_proj.weight", "model.norm.weight"}
    before = {name: value.detach().clone() for name, value in llama.named_parameters()}
    for name, value in llama.named_parameters():
        value.requires_grad_(name in moving)
    _train(llama, _steps(rows(8), epochs=3, batch_size=4), config={"weight_decay": 0.5})
    moved = {
        name for name, value in llama.named_parameters() if not torch.equal(value, before[name])
    }
    assert moved == moving


def test_update_norms_are_those_of_after_minus_before(llama: Any, rows: Any):
    llama.model.embed_tokens.weight.requires_grad_(False)
    before = {name: value.detach().clone() for name, value in llama.named_parameters()}
    log = _train(llama, _steps(rows(8), batch_size=4))
    expected = {
        name: (value.detach().double() - before[name].double()).norm().item()
        for name, value in llama.named_parameters()
        if value.requires_grad
    }
    assert log.update_norms == pytest.approx(expected, rel=1e-5)
    assert all(norm > 0 for norm in log.update_norms.values())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_tensor_that_no_gradient_reaches_has_a_norm_of_zero(
    dtype: torch.dtype, llama: Any, rows: Any
):
    llama.to(dtype)
    last = llama.model.layers[1]
    last.register_forward_pre_hook(lambda module, args: (args[0].detach(), *args[1:]))
    log = _train(llama, _steps(rows(4)))
    still = {name for name, norm in log.update_norms.items() if norm == 0}
    assert "model.layers.0.mlp.up_proj.weight" in still
    assert "model.layers.1.mlp.up_proj.weight" not in still


def test_it_ends_in_evaluation_mode_and_leaves_no_files(
    llama: Any, rows: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    llama.train()
    _train(llama, _steps(rows(4)))
    assert not llama.training
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("adapted", [False, True], ids=["full", "lora"])
@pytest.mark.parametrize("ending", ["trained", "failed"])
@pytest.mark.parametrize("asked_by", ["unharness", "accelerate"])
def test_mixed_precision_stays_in_the_training(
    asked_by: str,
    ending: str,
    adapted: bool,
    load_checkpoint: Any,
    rows: Any,
    monkeypatch: pytest.MonkeyPatch,
):
    """After training the model computes as one that was loaded with the same weights."""
    model = _adapted(load_checkpoint) if adapted else load_checkpoint("llama")[0]
    seen: list[torch.dtype] = []
    layer = next(module for name, module in model.named_modules() if name.endswith("mlp.up_proj"))
    layer.register_forward_hook(lambda module, args, output: seen.append(output.dtype))

    def loss(current: Any, batch: Any) -> torch.Tensor:
        value = _nll(current, batch)
        return value if ending == "trained" else value * float("nan")

    if asked_by == "accelerate":  # what `accelerate launch --mixed_precision bf16` sets
        monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    precision = "bfloat16" if asked_by == "unharness" else "float32"
    context = nullcontext() if ending == "trained" else pytest.raises(MethodError)
    with context:
        _train(model, _steps(rows(4)), loss, precision=precision)
    assert set(seen) == {torch.bfloat16}  # or this test would show nothing
    fresh = _adapted(load_checkpoint) if adapted else load_checkpoint("llama")[0]
    fresh.load_state_dict(model.state_dict())
    ids = torch.tensor([[1, 5, 9, 200, 17, 33]])
    with torch.no_grad():
        found, expected = model.eval()(input_ids=ids), fresh.eval()(input_ids=ids)
    assert torch.equal(found.logits, expected.logits)
    assert seen[-1] == torch.float32
    assert "forward" not in vars(model)
    assert model.config.use_cache == fresh.config.use_cache


@pytest.mark.parametrize("adapted", [False, True], ids=["full", "lora"])
def test_a_model_that_was_trained_before_trains_in_the_precision_asked_for(
    adapted: bool, load_checkpoint: Any, rows: Any
):
    """accelerate marks a model that it prepared, and leaves one alone that has the mark."""
    model = _adapted(load_checkpoint) if adapted else load_checkpoint("llama")[0]
    seen: list[torch.dtype] = []
    layer = next(module for name, module in model.named_modules() if name.endswith("mlp.up_proj"))
    layer.register_forward_hook(lambda module, args, output: seen.append(output.dtype))
    asked = ("bfloat16", "bfloat16", "float32", "bfloat16")
    for precision in asked:
        seen.clear()
        _train(model, _steps(rows(4)), precision=precision)
        assert set(seen) == {getattr(torch, precision)}


def test_a_model_without_anything_to_train_is_refused(llama: Any, rows: Any):
    llama.requires_grad_(False)
    with pytest.raises(MethodError, match="every one is frozen"):
        _train(llama, _steps(rows(4)))


BAD_LOSSES: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "nan": (lambda m, b: _nll(m, b) * float("nan"), "step 2: the loss is nan"),
    "infinite": (lambda m, b: _nll(m, b) / 0, "step 2: the loss is inf"),
    "no gradient": (lambda m, b: _nll(m, b).detach(), "step 2: the loss has no gradient"),
    "a vector": (lambda m, b: sequence_nll(m, b), r"step 2: .* scalar tensor, got \(4,\)"),
    "one in a list": (lambda m, b: _nll(m, b)[None], r"step 2: .* scalar tensor, got \(1,\)"),
    "a number": (lambda m, b: 3.0, "step 2: .* scalar tensor, got float"),
    "nothing": (lambda m, b: None, "step 2: .* scalar tensor, got NoneType"),
}


@pytest.mark.parametrize("case", BAD_LOSSES)
def test_a_bad_loss_stops_at_its_step(case: str, llama: Any, rows: Any):
    bad, words = BAD_LOSSES[case]
    calls: list[int] = []
    heard: list[int] = []

    def loss(model: Any, batch: Any) -> Any:
        calls.append(1)
        return bad(model, batch) if len(calls) == 2 else _nll(model, batch)

    with pytest.raises(MethodError, match=words):
        _train(
            llama,
            _steps(rows(12), batch_size=4),
            loss,
            on_step=lambda step, total, values: heard.append(step),
        )
    assert len(calls) == 2
    assert heard == [1]


def test_a_loss_on_frozen_parameters_alone_has_no_gradient(llama: Any, rows: Any):
    llama.requires_grad_(False)
    llama.lm_head.weight.requires_grad_(True)
    with pytest.raises(MethodError, match="step 1: the loss has no gradient"):
        _train(llama, _steps(rows(4)), lambda m, b: m.model.norm.weight.sum())


def test_what_on_step_raises_is_not_swallowed(llama: Any, rows: Any):
    def stop(step: int, total: int, values: dict[str, float]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _train(llama, _steps(rows(4)), on_step=stop)


def test_a_training_that_stops_is_the_beginning_of_the_whole_one(load_checkpoint: Any, rows: Any):
    steps = _steps(rows(8), epochs=2, batch_size=2)
    config = {"warmup_ratio": 0.3, "max_grad_norm": 1.0}  # the rate changes at every step
    found: list[tuple[TrainingLog, str]] = []
    model = _adapted(load_checkpoint)  # has dropout
    checkpoints = Checkpoints(3, lambda log: found.append((log, _digest(model))))
    whole = _train(model, steps, config=config, checkpoints=checkpoints)
    assert [log.steps for log, _ in found] == [3, 6, 8]
    assert len({digest for _, digest in found}) == 3
    assert found[-1][1] == _digest(model)

    stopped = _adapted(load_checkpoint)
    heard: list[tuple[int, int]] = []
    log = _train(
        stopped,
        steps,
        config=config,
        stop_after=3,
        on_step=lambda step, total, values: heard.append((step, total)),
    )
    there, digest = found[0]
    assert _digest(stopped) == digest
    assert heard == [(1, 3), (2, 3), (3, 3)]
    assert log.losses == there.losses == whole.losses[:3]
    assert (log.examples, log.tokens) == (there.examples, there.tokens)
    assert log.examples == 6
    assert log.update_norms == there.update_norms != whole.update_norms


def test_a_stop_behind_the_last_step_is_refused(llama: Any, rows: Any):
    with pytest.raises(MethodError, match="stop_after=3: the training has 2 steps"):
        _train(llama, _steps(rows(4), batch_size=2), stop_after=3)


@pytest.mark.parametrize(
    ("total", "count", "steps"),
    [(8, 4, (2, 4, 6, 8)), (10, 4, (3, 5, 8, 10)), (3, 5, (1, 2, 3)), (1, 2, (1,))],
)
def test_checkpoints_are_evenly_spaced_and_end_with_the_last_step(
    total: int, count: int, steps: tuple[int, ...]
):
    assert checkpoint_steps(total, count) == steps
