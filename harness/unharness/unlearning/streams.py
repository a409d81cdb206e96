"""Streams: the training examples that a method reads, and what it asks the reference model."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Final, get_args

from unharness.data.examples import Role
from unharness.errors import PluginError

FORGET: Final = "forget"
"""The stream that every batch holds; an epoch is one pass over it."""
LOG_PROBS, LOGITS, HIDDEN = "log_probs", "logits", "hidden"
QUANTITIES = frozenset({LOG_PROBS, LOGITS, HIDDEN})


@dataclass(frozen=True)
class Stream:
    """Training examples of one role, and what the reference model is asked about them.

    A stream of role `forget` is aligned with the stream "forget" row by row: same example, same
    order. Streams of other roles cycle: every forget example is joined by one of theirs. Several
    streams of one such role are aligned with each other.

    Raises:
        PluginError: the role or a quantity is unknown, or `layers` and "hidden" do not go together.
    """

    role: Role
    answer: str = "answer"
    """`answer`, or a kind of alternative: `refusal`, `perturbed` and so on. Where an example has
    several, one is drawn: anew in every epoch for role `forget`, once a run for the others. A
    `refusal` comes from a bundled list where the example brings none."""
    prompt: str = "prompt"
    """`prompt`, or a kind of other question: `paraphrase` and so on."""
    reference: Set[str] = frozenset()
    """What the reference model is asked: of {"log_probs", "logits", "hidden"}."""
    layers: tuple[int, ...] = ()
    """For "hidden": decoder blocks, counted from 0, whose outputs are asked for."""
    everywhere: bool = False
    """Whether the reference's logits and hidden states are needed at every position, question and
    padding included; else logits are defined only where the next token is scored, and hidden
    states are 0 in padding."""
    prepared: bool = False
    """Whether the method makes these answers itself, in `prepare`, by `context.add_alternatives`;
    no task has to bring them."""
    without: str = ""
    """What a user can do where the task lacks what the stream reads, as in "give another task"."""
    needs_question: bool = False
    """Whether an example of plain text, without a question, is refused: the method's answers would
    answer nothing. Refusals need one in any case."""

    def __post_init__(self) -> None:
        if self.role not in get_args(Role):
            raise PluginError(
                f"unknown role {self.role!r} of a stream; one of {', '.join(get_args(Role))}"
            )
        object.__setattr__(self, "reference", frozenset(self.reference))
        object.__setattr__(self, "layers", tuple(self.layers))
        if unknown := sorted(self.reference - QUANTITIES):
            raise PluginError(
                f"a stream asks the reference for {', '.join(unknown)}; "
                f"known: {', '.join(sorted(QUANTITIES))}"
            )
        if (HIDDEN in self.reference) != bool(self.layers):
            raise PluginError('a stream names layers if and only if its reference has "hidden"')
        if any(layer < 0 for layer in self.layers):
            raise PluginError("layers of a stream are counted from 0")

    def describe(self) -> str:
        """Return the stream in a few words."""
        parts = [f"role {self.role}"]
        parts += [f"answer {self.answer}"] * (self.answer != "answer")
        parts += [f"prompt {self.prompt}"] * (self.prompt != "prompt")
        if self.reference:
            parts.append(f"reference {', '.join(sorted(self.reference))}")
        return "; ".join(parts)


def with_forget(streams: Mapping[str, Stream]) -> dict[str, Stream]:
    """Return the streams of a method, "forget" first.

    Raises:
        PluginError: "forget" has another role.
    """
    whole = {FORGET: Stream(FORGET), **streams}
    if whole[FORGET].role != FORGET:
        raise PluginError(f'the stream "forget" has role {whole[FORGET].role!r}; expected forget')
    return whole
