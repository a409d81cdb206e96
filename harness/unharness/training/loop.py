"""The training loop: `transformers.Trainer`, with a loss that is handed in."""

from __future__ import annotations

import inspect
import math
import tempfile
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import torch
from transformers import PrinterCallback, TrainerCallback, TrainingArguments
from transformers.training_args import ParallelMode

from unharness.data.recipe import Precision, TrainConfig
from unharness.errors import MethodError
from unharness.progress import OnStep
from unharness.training import ranks
from unharness.training.checkpoints import Checkpoints, checkpoint_steps
from unharness.training.cpu_bfloat16 import quick_on_cpu
from unharness.training.denormals import denormals_as_zero
from unharness.training.hooks import StepHooks
from unharness.training.log import TrainingLog
from unharness.training.profiling import recorded_steps
from unharness.training.restore import restored
from unharness.training.resumption import Resumable, StateKeeper
from unharness.training.sharded import fsdp_sharded, keep_unwrapped
from unharness.training.step_trainer import Loss, StepDataset, StepTrainer
from unharness.training.steps import Step
from unharness.training.update_norms import InitialWeights

if TYPE_CHECKING:
    from unharness.model_types import LanguageModel


def train(
    model: LanguageModel,
    steps: Sequence[Step],
    loss: Loss,
    config: TrainConfig,
    *,
    seed: int,
    precision: Precision = "float32",
    on_step: OnStep | None = None,
    hooks: StepHooks | None = None,
    on_placed: Callable[[LanguageModel], None] | None = None,
    on_note: Callable[[str], None] = lambda text: None,
    stop_after: int | None = None,
    checkpoints: Checkpoints | None = None,
    resumable: Resumable | None = None,
) -> TrainingLog:
    """Train `model` in place; only parameters with `requires_grad` move.

    The gradient of a step is that of the mean loss over its examples, whatever the size of the
    micro-batches.

    Args:
        model: a Hugging Face or PEFT causal language model, on its device.
        steps: in the order in which they are taken.
        loss: gives the mean loss of a batch's examples, a scalar with a gradient; or the terms of
            that sum, one after the other, each of which is let go before the next is made.
        seed: of the dropout.
        precision: of the arithmetic; `bfloat16` is autocast, over the weights as they are.
        on_step: called after every step with its number from 1, the number of all, and the
            values `loss`, `lr` and `grad_norm`.
        hooks: called within every step.
        on_placed: called before the first step with the model that is trained: `model` itself, or
            under FSDP a copy whose parameters are spread over the processes.
        on_note: told where memory did not suffice and micro-batches became smaller.
        stop_after: steps after which the training ends; None: after all. Warm-up and decay of the
            learning rate are those of all steps, so the weights are those that a training without
            a stop has after this step.
        checkpoints: points on the way, of the steps that are taken.
        resumable: where the state is kept, so that an equal training that was interrupted goes on
            from there; None, or several processes: nothing is kept.

    Raises:
        MethodError: the loss is not finite, has no gradient, or nothing may move; or memory does
            not hold a single example; or `stop_after` is more than there are steps.
    """
    moved = sum(value.numel() for value in model.parameters() if value.requires_grad)
    if not moved:
        raise MethodError("no parameter may move: every one is frozen")
    if stop_after is not None and stop_after > len(steps):
        raise MethodError(
            f"stop_after={stop_after}: the training has {len(steps)} steps; give at most that"
        )
    taken = steps[:stop_after]
    log = _log_of(taken, moved)
    device = next(model.parameters()).device
    # Of several processes the first one alone leaves a record.
    before = InitialWeights(model) if ranks.is_leader() else None
    keeper = None
    if resumable and before and ranks.world_size() == 1 and not checkpoints:
        facts = {"config": config.model_dump(mode="json"), "seed": seed, "precision": precision}
        keeper = StateKeeper(resumable, log, steps, len(taken), before, facts)
    first = keeper.first if keeper else 0
    place = fsdp_sharded(model, device) if ranks.is_sharded() else nullcontext(model)
    with (
        tempfile.TemporaryDirectory(prefix="unharness-") as scratch,
        place as trained,
        restored(trained),
        quick_on_cpu(trained, device, precision),
        denormals_as_zero(),
        recorded_steps(len(taken) - first) as after_step,
    ):
        trainer = StepTrainer(
            model=trained,
            args=_arguments(config, len(steps), seed, device, precision, scratch),
            train_dataset=StepDataset(steps[first:]),
            data_collator=lambda items: items[0],
            callbacks=[_Follow(log, len(taken), on_step, first)],
            step_loss=loss,
            hooks=hooks or StepHooks(),
            after_step=after_step,
            on_note=on_note,
            first=first,
        )
        if first or len(taken) < len(steps):
            trainer.add_callback(_StopAfter(len(taken) - first))
        if checkpoints and before:
            at = checkpoint_steps(len(taken), checkpoints.count)

            def keep(number: int) -> None:
                so_far = _log_of(taken[:number], moved)
                so_far.seconds = time.perf_counter() - started
                so_far.losses = list(log.losses)
                so_far.update_norms = before.update_norms(trained, again=True)
                checkpoints.keep(so_far)

            trainer.add_callback(_AtSteps(at, keep))  # after those that finish a step
        if keeper:
            keeper.attach(trainer)
        if on_placed:
            on_placed(trained)
        trainer.remove_callback(PrinterCallback)  # would print every step
        if ranks.is_sharded():
            keep_unwrapped(trainer.accelerator)
        started = time.perf_counter()
        try:
            trainer.train()
        except KeyboardInterrupt:
            if keeper:
                keeper.say_interrupted()
            raise
        log.seconds = log.seconds_before + time.perf_counter() - started
        trainer.accelerator.free_memory()
    model.eval()
    if before:
        log.update_norms = before.update_norms(model)
    return log


def _log_of(steps: Sequence[Step], moved: int) -> TrainingLog:
    """Return the log of a training on steps, as far as it is known beforehand."""
    return TrainingLog(
        steps=len(steps),
        moved_parameters=moved,
        examples=sum(step.examples for step in steps),
        tokens=sum(micro.tokens for step in steps for micro in step.micro_batches),
    )


def _arguments(
    config: TrainConfig,
    steps: int,
    seed: int,
    device: torch.device,
    precision: Precision,
    folder: str,
) -> TrainingArguments:
    options: dict[str, Any] = {
        "output_dir": folder,
        "max_steps": steps,
        "per_device_train_batch_size": 1,  # an item of the dataset is a whole step
        "learning_rate": config.lr,
        "weight_decay": config.weight_decay,
        "lr_scheduler_type": config.schedule if config.warmup_ratio == 0 else _warm(config),
        # The first step of a warm-up has a rate of 0: a training of one step needs it for itself.
        "warmup_steps": min(math.ceil(config.warmup_ratio * steps), steps - 1),
        "max_grad_norm": config.max_grad_norm,
        "seed": seed,
        "data_seed": seed,
        "use_cpu": device.type == "cpu",
        "bf16": precision == "bfloat16",
        "optim": "adamw_torch_fused",
        "logging_strategy": "steps",
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "save_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
        "remove_unused_columns": False,
        "dataloader_pin_memory": False,
    }
    # Arguments come and go between versions of transformers; unknown ones are not ours to need.
    known = inspect.signature(TrainingArguments).parameters
    arguments = TrainingArguments(
        **{name: value for name, value in options.items() if name in known}
    )
    if device.type == "cuda" and arguments.parallel_mode != ParallelMode.DISTRIBUTED:
        _keep_to(device, arguments)
    return arguments


def _keep_to(device: torch.device, arguments: TrainingArguments) -> None:
    """Train on the model's own GPU: left alone, Trainer takes cuda:0, and copies to all others."""
    torch.cuda.set_device(device)
    vars(arguments)["_setup_devices"] = device  # a cached property: this is its value
    arguments._n_gpu = 1


def _warm(config: TrainConfig) -> str:
    return "constant_with_warmup" if config.schedule == "constant" else config.schedule


class _Follow(TrainerCallback):
    """Collects the loss curve and passes it on."""

    def __init__(self, log: TrainingLog, total: int, on_step: OnStep | None, first: int) -> None:
        self._log = log
        self._total = total
        self._on_step = on_step
        self._first = first

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        if not logs or "loss" not in logs:
            return
        self._log.losses.append(float(logs["loss"]))
        if self._on_step:
            values = {
                "loss": float(logs["loss"]),
                "lr": float(logs.get("learning_rate", 0.0)),
                "grad_norm": float(logs.get("grad_norm", 0.0)),
            }
            self._on_step(self._first + state.global_step, self._total, values)


class _StopAfter(TrainerCallback):
    """Ends a training before its last step."""

    def __init__(self, steps: int) -> None:
        self._steps = steps

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step >= self._steps:
            control.should_training_stop = True


class _AtSteps(TrainerCallback):
    """Calls a function at some steps, when the step's loss is known and all else of it is done."""

    def __init__(self, steps: Collection[int], call: Callable[[int], None]) -> None:
        self._steps = steps
        self._call = call

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        if logs and "loss" in logs and state.global_step in self._steps:
            self._call(state.global_step)
