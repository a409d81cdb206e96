"""Observers of likelihood: teacher-forced passes over answers, or over choices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from unharness.data.examples import Example, Split
from unharness.evaluation.observed import Observed, TokenScores
from unharness.evaluation.observer import Observer, ObserverContext, OnDone
from unharness.evaluation.requests import ANSWER, PROMPT, Likelihood, Observation


class LikelihoodObserver(Observer):
    """Scores the tokens of answers under teacher forcing."""

    name = Likelihood.observer
    summary = "Token scores of answers, of any kind to any kind of prompts, under teacher forcing."
    stage = "score {split}"

    def observe(
        self, context: ObserverContext, split: Split, request: Observation, on_done: OnDone
    ) -> Observed:
        """Score every answer of a kind to every prompt of a kind."""
        assert isinstance(request, Likelihood)
        [prompt], [answer] = request.prompts, request.answers
        variants = [variants_of(row, prompt, answer) for row in split.examples]
        return _scored(context, split, variants, on_done)


class ChoicesObserver(Observer):
    """Scores every choice of an example as its answer."""

    name = "choices"
    summary = "Likelihood of each of an example's choices as its answer."
    stage = "score choices of {split}"

    def observe(
        self, context: ObserverContext, split: Split, request: Observation, on_done: OnDone
    ) -> Observed:
        """Score the choices in their order."""
        variants = [[replace(row, answer=text) for text in row.choices] for row in split.examples]
        return _scored(context, split, variants, on_done)


def variants_of(row: Example, prompt: str, answer: str) -> list[Example]:
    """Return an example with every answer of a kind to every prompt of a kind."""
    prompts = (row.prompt,) if prompt == PROMPT else row.prompts.get(prompt, ())
    answers = (row.answer,) if answer == ANSWER else row.alternatives.get(answer, ())
    return [replace(row, prompt=one, answer=text) for one in prompts for text in answers]


def _scored(
    context: ObserverContext, split: Split, variants: Sequence[Sequence[Example]], on_done: OnDone
) -> Observed:
    # Imported here: the class is read to identify a run, which needs no torch.
    from unharness.evaluation.token_scoring import score_tokens

    flat = [one for row in variants for one in row]
    scores = iter(
        score_tokens(
            context.model,
            context.tokenizer,
            [context.asked(one) for one in flat],
            max_length=context.length(flat),
            template=context.template_of(split),
            kind=split.kind,
            on_done=on_done,
        )
    )
    rows: list[list[TokenScores | None]] = [[next(scores) for _ in row] for row in variants]
    return Observed.of_tokens(rows)
