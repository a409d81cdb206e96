"""How a LossMethod is carried out: freeze what may not move, plan the steps, train."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from unharness.errors import MethodError
from unharness.training.loop import train
from unharness.training.steps import unlearn_steps
from unharness.unlearning.context import UnlearnContext
from unharness.unlearning.method import GENERAL, REFERENCE, RETAIN, LossMethod
from unharness.unlearning.reference import AdapterTwin, make_reference


def train_with_loss(method: LossMethod, context: UnlearnContext) -> None:
    """Train `context.model` with the method's loss over its Config's epochs of the forget set.

    Raises:
        MethodError: the method selects nothing or something unknown, or its loss is not finite
            or has no gradient.
    """
    method.prepare(context)
    selected = method.select_parameters(context)
    config = method.config
    retain = context.encode("retain") if RETAIN in method.uses else None
    general = context.encode("general") if GENERAL in method.uses else None
    reference = None
    if REFERENCE in method.uses:
        kept = [*(retain or ()), *(general or ())]
        reference = make_reference(context, kept, everywhere=method.reference_everywhere)
    steps = unlearn_steps(
        context.encode("forget"),
        retain,
        general,
        epochs=config.epochs,
        batch_size=config.batch_size,
        micro_batch_size=config.micro_batch_size,
        pad_token_id=context.tokenizer.pad_token_id,
        order=random.Random(context.derive_seed("order")),
        reference=reference,
    )
    with only_trainable(context.model, selected):
        context.log = train(
            context.model,
            steps,
            method.loss_terms,
            config,
            on_gradients=method.finish_gradients,
            on_placed=reference.attach if isinstance(reference, AdapterTwin) else None,
            seed=context.derive_seed("training"),
            on_step=context.on_step,
        )


@contextmanager
def only_trainable(model: Any, names: Collection[str] | None) -> Iterator[None]:
    """Freeze all parameters but those named, and free them again afterwards.

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
