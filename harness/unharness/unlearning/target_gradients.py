"""The gradients of a loss at the target's weights, before anything moves."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from unharness.unlearning.streams import with_forget

if TYPE_CHECKING:
    from torch import Tensor

    from unharness.data.batches import UnlearnBatch
    from unharness.model_types import LanguageModel
    from unharness.unlearning.context import UnlearnContext
    from unharness.unlearning.method import LossMethod


def target_gradients(
    method: LossMethod,
    context: UnlearnContext,
    terms: Callable[[LanguageModel, UnlearnBatch], Iterator[Tensor]],
) -> dict[str, Tensor]:
    """Return the gradient of the sum of some terms, of the mean over the forget set.

    Dropout is off. The model's own gradients are left empty.

    Args:
        method: prepared; says what is read, and the size of batches.
        context: of the run.
        terms: of a batch's loss, each the mean over its examples.

    Returns:
        By name of a trainable parameter; one that no term depends on is missing.
    """
    import torch

    from unharness.training.hooks import take_gradients
    from unharness.training.steps import unlearn_steps
    from unharness.unlearning.reference import make_reference
    from unharness.unlearning.stream_rows import stream_rows

    streams = with_forget(method.streams())
    order = random.Random(context.derive_seed("target gradients"))
    rows = stream_rows(context, streams, 1, order)
    reference = make_reference(context.model, streams)
    config = method.config
    steps = unlearn_steps(
        rows,
        epochs=1,
        batch_size=config.batch_size,
        micro_batch_size=config.micro_batch_size,
        pad_token_id=context.tokenizer.pad_token_id,
        order=order,
        reference=reference,
    )
    if reference:
        reference.prepare(context, {name: taken.taken() for name, taken in rows.items()})
    context.model.eval()
    total = sum(step.examples for step in steps)
    device = torch.device(context.device)
    for done, step in enumerate(steps, start=1):
        for micro in step.micro_batches:
            share = micro.share * step.examples / total
            batch: Any = micro.make().to(device)
            with torch.enable_grad(), context.arithmetic():
                for term in terms(context.model, batch):
                    (term * share).backward()
        context.progress(done, len(steps))
    return take_gradients(context.model)
