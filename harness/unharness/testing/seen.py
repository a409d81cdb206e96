"""What a metric is given, made by hand or drawn at random, without a model."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from unharness.data.examples import Example, Split
from unharness.evaluation.observed import Observed, TokenScores
from unharness.evaluation.requests import (
    ANSWER,
    PROMPT,
    Choices,
    Generated,
    Likelihood,
    Observation,
    Paired,
)
from unharness.evaluation.seen import Seen

VARIANTS, CHOICES = 2, 4
_WORDS = ("amber", "boat", "clay", "dune", "elm", "fern", "gate", "hill", "iron", "jade")


def seen_answers(
    log_probs: Sequence[Sequence[float]],
    hits: Sequence[Sequence[bool]] | None = None,
    *,
    answer: str = ANSWER,
    prompt: str = PROMPT,
) -> Seen:
    """Return what was observed of own answers under teacher forcing.

    Args:
        log_probs: by example, one number a token of its answer, nats.
        hits: the same shape: whether the most likely token is the true one; None: where its
            log-probability is above ln 0.5.
        answer: which kind of answer it is.
        prompt: which kind of question was asked.
    """
    found = hits or [[value > -0.6931 for value in row] for row in log_probs]
    rows = [
        [_scores(values, flags) if values else None]
        for values, flags in zip(log_probs, found, strict=True)
    ]
    request = Likelihood((prompt,), (answer,))
    return Seen(_split(len(rows)), {request: Observed.of_tokens(rows)})


def seen_texts(pairs: Sequence[tuple[str, str]]) -> Seen:
    """Return what was observed of greedy texts: pairs of the true answer and what was generated."""
    examples = tuple(
        Example(str(at), f"Question {at}?", answer) for at, (answer, _) in enumerate(pairs)
    )
    texts = {"samples": [[text] for _, text in pairs]}
    return Seen(Split("forget", "forget", examples=examples), {Generated(): Observed(texts=texts)})


def seen_choices(sums: Sequence[Sequence[float]], gold: Sequence[int]) -> Seen:
    """Return what was observed of choices of one token each.

    Args:
        sums: by example, the log-probability of each choice, nats.
        gold: the index of the right one, by example.
    """
    examples = tuple(
        Example(
            str(at),
            f"Question {at}?",
            str(right),
            choices=tuple(map(str, range(len(row)))),
            gold=right,
        )
        for at, (row, right) in enumerate(zip(sums, gold, strict=True))
    )
    rows = [[_scores([value], [True]) for value in row] for row in sums]
    split = Split("forget", "forget", "choice", examples=examples)
    return Seen(split, {Choices(): Observed.of_tokens(rows)})


def drawn_seen(
    parts: Sequence[Observation], *, seed: int, count: int = 12, name: str = "forget"
) -> Seen:
    """Return random observations for requests that unharness itself answers.

    Args:
        parts: requests, as `Observation.parts` gives them.
        seed: of the draws.
        count: how many examples.
        name: of the split; `holdout` has that role.

    Raises:
        TypeError: a request is of a plugin's own observer.
    """
    draw = random.Random(f"{name} {seed}")
    kinds = {answer for one in parts for answer in getattr(one, "answers", ())} - {ANSWER}
    prompts = {prompt for one in parts for prompt in getattr(one, "prompts", ())} - {PROMPT}
    examples = tuple(
        Example(
            f"{name}/{at}",
            f"What is number {at} of {name}?",
            _text(draw),
            group=f"{name} {at // 2}",
            alternatives={kind: tuple(_text(draw) for _ in range(VARIANTS)) for kind in kinds},
            prompts={kind: tuple(_text(draw) for _ in range(VARIANTS)) for kind in prompts},
            choices=tuple(_text(draw) for _ in range(CHOICES)),
            gold=draw.randrange(CHOICES),
        )
        for at in range(count)
    )
    role = "holdout" if name == "holdout" else "forget"
    kind = "choice" if any(isinstance(one, Choices) for one in parts) else "qa"
    split = Split(name, role, kind, examples=examples)  # type: ignore[arg-type]
    return Seen(split, {part: _observed(part, split, draw) for part in parts})


def permuted(seen: Seen, order: Sequence[int]) -> Seen:
    """Return the same with the examples in another order."""
    examples = [seen.examples[index] for index in order]
    observed = {
        request: _reordered(request, found, order) for request, found in seen.observed.items()
    }
    return replace(seen, split=seen.split.with_examples(examples), observed=observed)


def _observed(part: Observation, split: Split, draw: random.Random) -> Observed:
    examples = split.examples
    if isinstance(part, Generated):
        texts = [[_generated(row, draw) for _ in range(part.samples)] for row in examples]
        return Observed(texts={"samples": texts})
    if isinstance(part, Choices):
        return Observed.of_tokens([[_drawn(draw) for _ in row.choices] for row in examples])
    if isinstance(part, Likelihood):
        count = _variants(part.prompts, PROMPT) * _variants(part.answers, ANSWER)
        return Observed.of_tokens([[_drawn(draw) for _ in range(count)] for _ in examples])
    if isinstance(part, Paired):
        count = _variants(part.prompts, PROMPT) * _variants(part.answers, ANSWER)
        rows = [
            [[draw.expovariate(1.0) for _ in range(draw.randint(3, 7))] for _ in range(count)]
            for _ in examples
        ]
        return Observed.of_sequences("kl", rows)
    raise TypeError(
        f"{part} is of an observer of its own: give observations by overriding seen() and "
        "permuted() in the test class"
    )


def _reordered(request: Observation, found: Observed, order: Sequence[int]) -> Observed:
    if isinstance(request, Generated):
        samples = found.texts["samples"]
        return Observed(texts={"samples": [samples[index] for index in order]})
    if isinstance(request, Paired):
        rows = found.sequences("kl")
        return Observed.of_sequences("kl", [rows[index] for index in order])
    return Observed.of_tokens([found.tokens[index] for index in order])


def _variants(kinds: Sequence[str], own: str) -> int:
    return 1 if tuple(kinds) == (own,) else VARIANTS


def _drawn(draw: random.Random) -> TokenScores:
    values = [-draw.expovariate(1.0) for _ in range(draw.randint(3, 7))]
    return _scores(values, [value > -0.7 for value in values])


def _scores(values: Sequence[float], hits: Sequence[bool]) -> TokenScores:
    text = " ".join(_WORDS[at % len(_WORDS)] for at in range(len(values)))
    return TokenScores(
        tuple(values),
        tuple(hits),
        means=tuple(value - 4.0 - 0.1 * at for at, value in enumerate(values)),
        variances=tuple(2.0 + 0.1 * at for at in range(len(values))),
        argmax_text=text,
        answer_text=text,
        truncated=False,
        leading_blanks=0,
    )


def _generated(row: Example, draw: random.Random) -> str:
    return row.answer if draw.random() < 0.4 else _text(draw)


def _text(draw: random.Random) -> str:
    return " ".join(draw.choice(_WORDS) for _ in range(draw.randint(3, 8)))


def _split(count: int) -> Split:
    examples = tuple(Example(str(at), f"Question {at}?", "an answer") for at in range(count))
    return Split("forget", "forget", examples=examples)
