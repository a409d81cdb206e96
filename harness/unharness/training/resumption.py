"""Trainings that go on where they were interrupted, on a CPU bit for bit as if they never were.

Every few minutes the cache gets the trained tensors, the model's buffers, what the optimizer holds
of each tensor, the schedule, the random generators' states, the losses so far, and what the loss
itself keeps between steps. The steps are planned from the seed, so those that were taken are left
out. Trainings of several processes are not kept.
"""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy
import torch
from transformers import TrainerCallback

from unharness.training.kept_states import KeptState, TrainingState
from unharness.training.log import TrainingLog
from unharness.training.steps import Step
from unharness.training.update_norms import InitialWeights

if TYPE_CHECKING:
    from unharness.model_types import LanguageModel
    from unharness.training.step_trainer import StepTrainer

VERSION = 1
"""Raised whenever a state would no longer be understood, or the loop would go on differently."""
SECONDS = 300.0
"""Between two states; a training that is shorter keeps none."""
MODEL, BUFFER, OPTIMIZER, LOSS, RANDOM = "model", "buffer", "optimizer", "loss", "random"


class LossState:
    """What a loss and its hooks hold between steps besides the model; this one: nothing."""

    def identity(self) -> str | None:
        """Return what they hold before the first step, as a digest; None: nobody knows."""
        return ""

    def save(self) -> Mapping[str, Any] | None:
        """Return what they hold: tensors and JSON values by name; None: it cannot be said."""
        return {}

    def load(self, state: Mapping[str, Any]) -> None:
        """Give it back to them."""


@dataclass(frozen=True)
class Resumable:
    """What lets a training be interrupted."""

    place: KeptState
    loss: LossState = field(default_factory=LossState)


class StateKeeper(TrainerCallback):
    """Gives a trainer the state that an interrupted training left, and keeps its own."""

    def __init__(
        self,
        resumable: Resumable,
        log: TrainingLog,
        steps: Sequence[Step],
        total: int,
        initial: InitialWeights,
        facts: Mapping[str, Any],
    ) -> None:
        """Find the state, if there is one.

        Args:
            resumable: where it is kept, and what the loss holds.
            log: of the training; what was done before is entered into it.
            steps: all that are planned.
            total: how many of them are to be taken.
            initial: the weights before the first step.
            facts: what else decides the training, as JSON values.
        """
        self._place, self._loss = resumable.place, resumable.loss
        self._log, self._steps, self._total = log, steps, total
        self._initial, self._facts = initial, facts
        self._kept_at: int | None = None
        self._works = True
        self._state = self._find()
        self.first = self._state.step if self._state else 0
        """How many steps are done already."""
        if self._state:
            self._kept_at = self.first
            values = self._state.values
            log.losses = list(values["losses"])
            log.resumed_at = [*values["resumed_at"], self.first]
            log.seconds_before = values["seconds"]
            self._place.on_note(f"resuming at step {self.first} of {total}")

    def _find(self) -> TrainingState | None:
        if not self._place.exists() or (state := self._place.find()) is None:
            return None
        if self._loss.identity() is None or state.values.get("identity") != self._identity:
            self._place.on_note("the state of an interrupted training is of another one; ignored")
            self._place.remove()
            return None
        return state

    @cached_property
    def _identity(self) -> str:
        """A digest of what decides the training; its state serves only an equal one."""
        plan = [
            [step.examples, [(micro.tokens, micro.share) for micro in step.micro_batches]]
            for step in self._steps
        ]
        decisive = [plan, self._total, self._facts, self._initial.digest(), self._loss.identity()]
        content = json.dumps([VERSION, *decisive], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

    def attach(self, trainer: StepTrainer) -> None:
        """Go with a trainer, behind the callbacks that it has."""
        self._trainer = trainer
        trainer.add_callback(self)

    def on_train_begin(
        self, args: Any, state: Any, control: Any, optimizer: Any = None, **kwargs: Any
    ) -> None:
        """Give back the state."""
        self._started = self._last = time.monotonic()
        if self._state is None:
            return
        tensors, values = self._state.tensors, self._state.values
        model = self._trainer.bare_model
        with torch.no_grad():
            for name, value in _trained(model):
                value.copy_(tensors[f"{MODEL}/{name}"])
                for key in values["optimizer"][name]:
                    found = tensors[f"{OPTIMIZER}/{key}/{name}"]
                    optimizer.state[value][key] = found.to(value.device, copy=True)
            for name, value in model.named_buffers():
                value.copy_(tensors[f"{BUFFER}/{name}"])
        schedule = kwargs["lr_scheduler"]
        schedule.load_state_dict(dict(values["schedule"]))
        for group, rate in zip(optimizer.param_groups, schedule.get_last_lr(), strict=True):
            group["lr"] = rate
        self._trainer.most_examples = values["most_examples"]
        own = {
            name: tensors[f"{LOSS}/{name}"].to("cpu" if on_cpu else args.device, copy=True)
            for name, on_cpu in values["loss_tensors"].items()
        }
        self._loss.load({**values["loss"], **own})

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Give back the random generators' states, once: all that was drawn before is done."""
        if self._state is not None:
            _restore_random(self._state, args.device)
            self._state = None

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """Keep the state, if it is time: the step's loss is known and all else of it is done."""
        step = state.global_step + self.first
        if not logs or "loss" not in logs or step >= self._total or not self._works:
            return
        if time.monotonic() - self._last < SECONDS:
            return
        self._works = self._keep(step, args.device, kwargs["optimizer"], kwargs["lr_scheduler"])
        self._last = time.monotonic()

    def _keep(self, step: int, device: torch.device, optimizer: Any, schedule: Any) -> bool:
        identified, loss = self._loss.identity(), self._loss.save()
        if identified is None or loss is None:
            self._place.on_note(
                "this training cannot be resumed if it is interrupted: what the method keeps in "
                "Python changes with its steps; training_state() would say it"
            )
            return False
        model = self._trainer.bare_model
        held = {name: optimizer.state.get(value, {}) for name, value in _trained(model)}
        own = {name: value for name, value in loss.items() if isinstance(value, torch.Tensor)}
        tensors = {
            **{f"{MODEL}/{name}": value for name, value in _trained(model)},
            **{f"{BUFFER}/{name}": value.clone() for name, value in model.named_buffers()},
            **{
                f"{OPTIMIZER}/{key}/{name}": value
                for name, entries in held.items()
                for key, value in entries.items()
            },
            **{f"{LOSS}/{name}": value.clone() for name, value in own.items()},
            **_random_tensors(device),
        }
        values = {
            "identity": self._identity,
            "losses": self._log.losses,
            "resumed_at": self._log.resumed_at,
            "seconds": self.seconds,
            "optimizer": {name: list(entries) for name, entries in held.items()},
            "schedule": schedule.state_dict(),
            "most_examples": self._trainer.most_examples,
            "loss": {name: value for name, value in loss.items() if name not in own},
            "loss_tensors": {name: value.device.type == "cpu" for name, value in own.items()},
            "random": _random_values(),
        }
        on_cpu = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
        if not self._place.keep(TrainingState(step, on_cpu, values)):
            return False
        self._kept_at = step
        return True

    @property
    def seconds(self) -> float:
        """Of the training up to now, what came before an interruption included."""
        return self._log.seconds_before + time.monotonic() - self._started

    def say_interrupted(self) -> None:
        """Tell the user where the next run goes on."""
        if self._kept_at is not None:
            self._place.on_note(
                f"the same command goes on from step {self._kept_at} of {self._total}"
            )


def _trained(model: LanguageModel) -> Iterator[tuple[str, torch.nn.Parameter]]:
    return ((name, value) for name, value in model.named_parameters() if value.requires_grad)


def _random_tensors(device: torch.device) -> dict[str, torch.Tensor]:
    """Return the states of torch's own generators, uint8."""
    found = {f"{RANDOM}/cpu": torch.get_rng_state()}
    if device.type == "cuda":
        found[f"{RANDOM}/cuda"] = torch.cuda.get_rng_state(device)
    return found


def _random_values() -> dict[str, Any]:
    """Return the states of the generators of Python and numpy, as JSON values."""
    kind, keys, *rest = numpy.random.get_state(legacy=True)
    return {"python": random.getstate(), "numpy": [kind, numpy.asarray(keys).tolist(), *rest]}


def _restore_random(state: TrainingState, device: torch.device) -> None:
    torch.set_rng_state(state.tensors[f"{RANDOM}/cpu"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(state.tensors[f"{RANDOM}/cuda"], device)
    version, internal, gauss = state.values["random"]["python"]
    random.setstate((version, tuple(internal), gauss))
    kind, keys, *rest = state.values["random"]["numpy"]
    numpy.random.set_state((kind, numpy.array(keys, dtype=numpy.uint32), *rest))
