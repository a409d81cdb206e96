"""A `transformers.Trainer` whose batches are whole optimizer steps, and whose loss is handed in."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import torch
from torch.utils.data import DataLoader, SequentialSampler

from unharness.errors import MethodError
from unharness.training import ranks
from unharness.training.device_memory import unless_out_of_memory
from unharness.training.hooks import StepHooks, TermGradients, add_gradients, take_gradients
from unharness.training.steps import Batch, MicroBatch, Step, in_parts, largest_micro_batch

with redirect_stdout(io.StringIO()):  # under WANDB_MODE=offline it prints a line
    from transformers import Trainer, TrainerCallback

if TYPE_CHECKING:
    from unharness.model_types import LanguageModel

Loss: TypeAlias = "Callable[[LanguageModel, Any], torch.Tensor | Iterator[torch.Tensor]]"


class StepDataset(torch.utils.data.Dataset[dict[str, Step]]):
    """The steps of a training, an item each."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = steps

    def __len__(self) -> int:
        return len(self._steps)

    def __getitem__(self, index: int) -> dict[str, Step]:
        return {"step": self._steps[index]}


class StepTrainer(Trainer):
    """A Trainer whose batches are whole steps, and whose loss is a function."""

    def __init__(
        self,
        *args: Any,
        step_loss: Loss,
        hooks: StepHooks,
        after_step: Callable[[], None],
        on_note: Callable[[str], None],
        first: int = 0,
        **kwargs: Any,
    ) -> None:
        """Make one; `first` is how many steps were taken before those of the dataset."""
        self._bare: tuple[LanguageModel, LanguageModel] | None = None
        """What Trainer holds, and the model in it."""
        super().__init__(*args, **kwargs)
        self._step_loss = step_loss
        self._hooks = hooks
        self._on_note = on_note
        self._first = first
        self.most_examples: int | None = None
        """Of a micro-batch, once memory did not suffice."""
        self.add_callback(_AfterStep(lambda: hooks.after_step(self.bare_model), after_step))

    @property
    def bare_model(self) -> LanguageModel:
        """The model without what Trainer wraps around it."""
        if self._bare is None or self._bare[0] is not self.model:
            # Kept: accelerate looks for DeepSpeed on the disk at every call.
            self._bare = (self.model, self.accelerator.unwrap_model(self.model))
        return self._bare[1]

    @property
    def _number(self) -> int:
        """Of the step that is under way, from 1."""
        return self._first + int(self.state.global_step) + 1

    def _get_train_sampler(self, *args: Any, **kwargs: Any) -> Any:
        return SequentialSampler(self.train_dataset)  # the plan is already in order

    def get_train_dataloader(self) -> Any:
        """Return the steps; of several processes each takes every step, and its part of it."""
        if ranks.world_size() == 1:
            return super().get_train_dataloader()
        return DataLoader(
            self.train_dataset, sampler=self._get_train_sampler(), collate_fn=self.data_collator
        )

    def training_step(
        self, model: LanguageModel, inputs: Any, *args: Any, **kwargs: Any
    ) -> torch.Tensor:
        """Run a step's passes; return the loss of the first, at the weights of the step."""
        model.train()
        losses = []
        for index in range(self._hooks.passes):
            self._hooks.before_pass(self.bare_model, index)
            losses.append(self._pass(model, inputs["step"]))
        self._hooks.finish_gradients(self.bare_model)
        return losses[0]

    def _pass(self, model: LanguageModel, step: Step) -> torch.Tensor:
        """Run a step's micro-batches; where memory does not hold one, redo the pass with halves.

        The gradient is the same, as every micro-batch counts by its share of the examples. Several
        processes must stay in step, so none of them tries again.

        Raises:
            MethodError: the memory does not hold a single example.
        """
        bare = self.bare_model
        before = take_gradients(bare)
        if ranks.world_size() > 1 or ranks.is_sharded():
            found: tuple[torch.Tensor, TermGradients | None] | None = self._backward(model, step)
        else:
            found = unless_out_of_memory(partial(self._backward, model, self._fitting(step)))
            while found is None:
                bare.zero_grad(set_to_none=True)
                self._make_smaller(step)
                self._hooks.restart_pass()
                found = unless_out_of_memory(partial(self._backward, model, self._fitting(step)))
        assert found is not None
        total, separate = found
        if separate:
            separate.put_back(bare, self._hooks, before)
        else:
            add_gradients(bare, before)
        return total

    def _fitting(self, step: Step) -> Step:
        """Return the step in micro-batches of the size that memory was seen to hold."""
        if self.most_examples is None or largest_micro_batch(step) <= self.most_examples:
            return step
        return in_parts(step, self.most_examples)

    def _make_smaller(self, step: Step) -> None:
        """Halve the micro-batches of this step and of those to come, and say so."""
        size = largest_micro_batch(self._fitting(step))
        number = self._number
        if size == 1:
            raise MethodError(
                f"step {number}: out of memory: one example does not fit in training; a smaller "
                "--max-length or --tuning lora takes less, as does a device with more memory"
            )
        self.most_examples = size // 2
        self._on_note(
            f"step {number}: out of memory; micro-batches have {self.most_examples} examples from "
            "here on, which leaves the gradient as it is"
        )

    def _backward(
        self, model: LanguageModel, step: Step
    ) -> tuple[torch.Tensor, TermGradients | None]:
        """Run a step's micro-batches, each weighted by its share of the step's examples.

        Returns:
            The loss of the step, and the gradients of its terms where they are kept apart.
        """
        total = torch.zeros((), device=self.args.device)
        separate = TermGradients() if self._hooks.separate_gradients else None
        for micro in step.micro_batches:
            batch, share = _own_part(micro)
            for index, term in enumerate(self._terms(model, batch.to(self.args.device))):
                _check(term, self._number)
                self.accelerator.backward(term * share)
                total += term.detach() * share
                if separate:
                    separate.take(index, self.bare_model)
        return total, separate

    def _terms(self, model: LanguageModel, batch: Batch) -> Iterator[Any]:
        """Yield the loss's terms, each computed under autocast, each backward outside of it."""
        with self.compute_loss_context_manager():
            loss = self._step_loss(model, batch)
        if not isinstance(loss, Iterator):
            yield loss
            return
        while True:
            with self.compute_loss_context_manager():
                term = next(loss, None)
            if term is None:
                return
            yield term


def _own_part(micro: MicroBatch) -> tuple[Batch, float]:
    """Return the batch and its share of the step: of several processes, this one's part.

    Gradients are averaged over the processes, so each one's counts that many times. One that has
    no part of a small batch goes through an example for nothing, as all must join the averaging.
    """
    batch = micro.make()
    if ranks.world_size() == 1:
        return batch, micro.share
    rows = ranks.own_rows(batch.size)
    return batch.rows(rows or [0]), micro.share * ranks.world_size() * len(rows) / batch.size


def _check(loss: Any, step: int) -> None:
    if not isinstance(loss, torch.Tensor) or loss.dim() != 0:
        shape = tuple(loss.shape) if isinstance(loss, torch.Tensor) else type(loss).__name__
        raise MethodError(f"step {step}: the loss must be a scalar tensor, got {shape}")
    if not torch.isfinite(loss):
        raise MethodError(
            f"step {step}: the loss is {loss.item()}; a lower lr or fewer epochs may help"
        )
    if not loss.requires_grad:
        raise MethodError(
            f"step {step}: the loss has no gradient: it depends on no trainable parameter"
        )


class _AfterStep(TrainerCallback):
    """Calls functions after every optimizer step, in their order."""

    def __init__(self, *calls: Callable[[], None]) -> None:
        self._calls = calls

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Call them."""
        for call in self._calls:
            call()
