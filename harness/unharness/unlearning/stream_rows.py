"""From the streams that a method declares to the rows of tokens that training takes."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from unharness.data.encoding import Encoded
from unharness.data.examples import Example, Role, Split
from unharness.data.refusals import bundled_refusals
from unharness.errors import MethodError
from unharness.unlearning.streams import FORGET, Stream

if TYPE_CHECKING:
    from unharness.training.steps import AlignedRows, Rows
    from unharness.unlearning.context import UnlearnContext

REFUSAL = "refusal"
Choose = Callable[[tuple[str, ...]], str]
Place = tuple[int, int, int]
"""Of a row: number of its split, of its example there, and of its window in that."""


def stream_rows(
    context: UnlearnContext,
    streams: Mapping[str, Stream],
    epochs: int,
    order: random.Random,
) -> dict[str, Rows]:
    """Encode the examples of every stream.

    Args:
        context: gives the splits and the tokenizer.
        streams: by name, "forget" among them.
        epochs: for which alternatives are drawn.
        order: of the rows that cycle.

    Raises:
        MethodError: a role has no split, an example lacks an alternative, or nothing can be scored.
    """
    from unharness.training.steps import CyclingRows, FollowingRows

    # Whether an answer begins within the length depends on the question; the first will do.
    first = streams[FORGET]
    fixed = [
        _with_texts(split, first, lambda texts: texts[0]) for split in context.trainable(FORGET)
    ]
    places = _scored_places(context, fixed)
    found: dict[str, Rows] = {}
    leaders: dict[Role, tuple[CyclingRows, Sequence[Split]]] = {}
    for name, stream in streams.items():
        if stream.role == FORGET:
            found[name] = _aligned(context, name, stream, places, epochs)
            continue
        [splits] = _drawn(context, name, stream, context.trainable(stream.role), 1)
        if stream.role in leaders:
            leader, others = leaders[stream.role]
            rows = _rows_at(context, splits, _scored_places(context, others))
            found[name] = FollowingRows(_with_a_scored_row(context, name, rows), leader)
        else:
            leader = CyclingRows(context.encode(splits), order)
            found[name], leaders[stream.role] = leader, (leader, splits)
    return found


def _scored_places(context: UnlearnContext, fixed: Sequence[Split]) -> list[Place]:
    """Return the place of every row of some splits that can be scored."""
    return [
        (at, row.example, window)
        for at, rows in enumerate(context.encode_each(fixed))
        for window, row in _windows(rows)
        if row.scored
    ]


def _aligned(
    context: UnlearnContext,
    name: str,
    stream: Stream,
    places: Sequence[Place],
    epochs: int,
) -> AlignedRows:
    from unharness.training.steps import AlignedRows

    drawn = _drawn(context, name, stream, context.trainable(FORGET), epochs)
    lists = [_rows_at(context, splits, places) for splits in drawn]
    _with_a_scored_row(context, name, lists[0])
    return AlignedRows(*lists)


def _rows_at(
    context: UnlearnContext, splits: Sequence[Split], places: Sequence[Place]
) -> list[Encoded]:
    """Return the rows at these places; windows go round where an example has fewer."""
    windows: dict[tuple[int, int], list[Encoded]] = {}
    for at, rows in enumerate(context.encode_each(splits)):
        for row in rows:
            windows.setdefault((at, row.example), []).append(row)
    return [
        windows[at, example][window % len(windows[at, example])] for at, example, window in places
    ]


def _with_a_scored_row(context: UnlearnContext, name: str, rows: list[Encoded]) -> list[Encoded]:
    if not any(row.scored for row in rows):
        raise MethodError(f"stream {name!r}: no answer begins within {context.max_length} tokens")
    return rows


def _windows(rows: Sequence[Encoded]) -> list[tuple[int, Encoded]]:
    """Return the rows with their number among those of the same example."""
    seen: dict[int, int] = {}
    numbered = []
    for row in rows:
        numbered.append((seen.get(row.example, 0), row))
        seen[row.example] = seen.get(row.example, 0) + 1
    return numbered


def _drawn(
    context: UnlearnContext, name: str, stream: Stream, splits: Sequence[Split], epochs: int
) -> list[list[Split]]:
    """Return the splits with the texts that the stream reads; one list where nothing is drawn."""
    if all(
        len(options) == 1
        for split in splits
        for example in split.examples
        for options in _options(split, example, stream)
    ):
        return [[_with_texts(split, stream, lambda options: options[0]) for split in splits]]
    chance = random.Random(context.derive_seed(f"texts of stream {name}"))
    return [[_with_texts(split, stream, chance.choice) for split in splits] for _ in range(epochs)]


def _with_texts(split: Split, stream: Stream, choose: Choose) -> Split:
    examples = []
    for example in split.examples:
        prompts, answers = _options(split, example, stream)
        examples.append(replace(example, prompt=choose(prompts), answer=choose(answers)))
    return split.with_examples(examples)


def _options(
    split: Split, example: Example, stream: Stream
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the questions and the answers that a stream may take of an example."""
    prompts: tuple[str, ...] = (example.prompt,)
    if stream.prompt != "prompt":
        prompts = example.prompts.get(stream.prompt, ())
    answers: tuple[str, ...] = (example.answer,)
    if stream.answer != "answer":
        answers = example.alternatives.get(stream.answer, ())
        if not answers and stream.answer == REFUSAL:
            answers = bundled_refusals()
    for texts, what, kind in (
        (prompts, "question", stream.prompt),
        (answers, "answer", stream.answer),
    ):
        if not texts:
            raise MethodError(
                f"{split.name}: example {example.id!r} has no {what} of kind {kind!r}"
            )
    return prompts, answers
