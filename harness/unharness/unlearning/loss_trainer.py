"""How a LossMethod is trained: freeze what is not selected, plan the steps, train."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from unharness.errors import MethodError
from unharness.training.loop import train
from unharness.training.resumption import Resumable
from unharness.training.steps import unlearn_steps
from unharness.unlearning.context import UnlearnContext
from unharness.unlearning.method import LossMethod
from unharness.unlearning.method_state import MethodState
from unharness.unlearning.reference import make_reference
from unharness.unlearning.stream_rows import stream_rows
from unharness.unlearning.streams import with_forget

if TYPE_CHECKING:
    from unharness.model_types import LanguageModel


def train_with_loss(method: LossMethod, context: UnlearnContext) -> None:
    """Train `context.model` with the method's loss over its Config's epochs of the forget set.

    Raises:
        MethodError: the method selects nothing or something unknown, its streams lack data,
            its loss is not finite or has no gradient, or it is to stop after more steps than
            there are.
    """
    method.prepare(context)
    selected = method.select_parameters(context)
    config = method.config
    streams = with_forget(method.streams())
    order = random.Random(context.derive_seed("order"))
    rows = stream_rows(context, streams, config.epochs, order)
    reference = make_reference(context.model, streams)
    steps = unlearn_steps(
        rows,
        epochs=config.epochs,
        batch_size=config.batch_size,
        micro_batch_size=config.micro_batch_size,
        pad_token_id=context.tokenizer.pad_token_id,
        order=order,
        reference=reference,
    )
    if reference:
        reference.prepare(context, {name: taken.taken() for name, taken in rows.items()})
    with only_trainable(context.model, selected):
        resumable = None
        if context.kept_states:
            place = context.kept_states.next()
            resumable = Resumable(place, MethodState(method, context))
        context.log = train(
            context.model,
            steps,
            method.loss_terms,
            config,
            hooks=method,
            on_placed=reference.attach if reference else None,
            seed=context.derive_seed("training"),
            precision=context.precision,
            on_step=context.on_step,
            on_note=context.note,
            stop_after=config.stop_after,
            checkpoints=context.checkpoints,
            resumable=resumable,
        )


@contextmanager
def only_trainable(model: LanguageModel, names: Collection[str] | None) -> Iterator[None]:
    """Freeze all parameters but those named, and unfreeze them afterwards.

    Raises:
        MethodError: no name is given, or one is unknown or frozen already.
    """
    if names is None:
        yield
        return
    movable = {name: value for name, value in model.named_parameters() if value.requires_grad}
    unknown = sorted(set(names) - set(movable))
    if unknown:
        raise MethodError(f"not among the trainable parameters: {', '.join(unknown[:3])}")
    if not names:
        raise MethodError("the method selected no parameter at all")
    frozen = [value for name, value in movable.items() if name not in set(names)]
    for parameter in frozen:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in frozen:
            parameter.requires_grad_(True)
