"""What a method needs besides the target model and the forget set, in words."""

from __future__ import annotations

from unharness.unlearning.method import LossMethod, Method
from unharness.unlearning.streams import FORGET, Stream, with_forget


def needs(method: Method) -> list[str]:
    """Return what a method needs, with its hyperparameters; empty: the forget set alone.

    Data come first, then what is asked of the reference model, then what training must offer.
    """
    streams = with_forget(method.streams())
    found = [words for stream in streams.values() for words in _data(stream)]
    found += [
        f"reference {quantity} ({name})"
        for name, stream in streams.items()
        for quantity in sorted(stream.reference)
    ]
    found += ["base model"] * method.trains_base
    if isinstance(method, LossMethod):
        found += ["gradients before training"] * (method.gradients_before_training()[0] > 0)
        found += ["gradients by term"] * method.separate_gradients
        found += [f"{method.passes} passes a step"] * (method.passes > 1)
    return list(dict.fromkeys(found))


def _data(stream: Stream) -> list[str]:
    """Return what a stream reads of a task, besides the forget set's own answers."""
    words = "general text" if stream.role == "general" else f"{stream.role} set"
    found = [words] * (stream.role != FORGET)
    found += [f"{stream.answer} answers"] * (stream.answer != "answer")
    found += [f"{stream.prompt} questions"] * (stream.prompt != "prompt")
    return found
