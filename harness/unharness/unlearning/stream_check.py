"""Refuses a task that lacks what a method reads, before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from unharness.data.examples import Split
from unharness.data.task_data import TaskData
from unharness.errors import UsageError
from unharness.unlearning.method import Method
from unharness.unlearning.stream_rows import REFUSAL
from unharness.unlearning.streams import Stream, with_forget


def require_streams(method: Method, data: TaskData, task: str) -> None:
    """Make sure that every stream of a method has examples, and these the texts that it reads.

    Args:
        method: with its hyperparameters.
        data: of the run, general text included where the method reads it.
        task: its name, for messages.

    Raises:
        UsageError: something is missing; says what, where, and what the user can do.
    """
    for stream in with_forget(method.streams()).values():
        missing = _missing(stream, data.trainable(stream.role), task)
        if missing:
            wanted, where, advice = missing
            raise UsageError(
                f"method {method.name!r} needs {wanted}, and {where}; {stream.without or advice}"
            )


def _missing(stream: Stream, splits: Sequence[Split], task: str) -> tuple[str, str, str] | None:
    """Return what a stream needs, where it is missing, and advice; None: nothing is missing."""
    if not any(len(split) for split in splits):
        nothing = f"{task} has none that a method may read"
        return f"a {stream.role} set", nothing, "choose another task or method"
    for split in splits:
        for example in split.examples:
            place = f"example {example.id!r} of {task}'s split {split.name}"
            if stream.prompt != "prompt" and not example.prompts.get(stream.prompt):
                there = _kinds(kind for row in split.examples for kind in row.prompts)
                return (
                    f"questions of kind {stream.prompt!r}",
                    f"{place} has none (kinds there: {there})",
                    "choose a task whose examples bring them",
                )
            if stream.needs_question and stream.prompt == "prompt" and not example.prompt:
                return (
                    "questions",
                    f"{place} is text without a question",
                    "choose a task of questions and answers, or another method",
                )
            own = stream.answer == "answer" or stream.prepared
            if own or example.alternatives.get(stream.answer):
                continue
            if stream.answer != REFUSAL:
                there = _kinds(kind for row in split.examples for kind in row.alternatives)
                return (
                    f"answers of kind {stream.answer!r}",
                    f"{place} has none (kinds there: {there})",
                    "choose a task whose examples bring them as alternatives",
                )
            if not example.prompt:  # what the bundled refusals answer
                return (
                    "questions to refuse",
                    f"{place} is text without a question",
                    "choose a task of questions and answers, or a method that reads no refusals",
                )
    return None


def _kinds(found: Iterable[str]) -> str:
    return ", ".join(sorted(set(found))) or "none"
