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
    together = True

    def observe(
        self, context: ObserverContext, split: Split, request: Observation, on_done: OnDone
    ) -> Observed:
        """Score every answer of a kind to every prompt of a kind."""
        [found] = self.observe_together(context, [(split, request)], on_done)
        return found

    def observe_together(
        self,
        context: ObserverContext,
        asked: Sequence[tuple[Split, Observation]],
        on_done: OnDone,
    ) -> Sequence[Observed]:
        """Score all kinds of answers of all splits in one pass; equal strings once."""
        variants = []
        for split, request in asked:
            assert isinstance(request, Likelihood)
            [prompt], [answer] = request.prompts, request.answers
            variants.append([variants_of(row, prompt, answer) for row in split.examples])
        splits = [split for split, _ in asked]
        return _scored(context, splits, variants, on_done)


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
        [found] = _scored(context, [split], [variants], on_done)
        return found


def variants_of(row: Example, prompt: str, answer: str) -> list[Example]:
    """Return an example with every answer of a kind to every prompt of a kind."""
    prompts = (row.prompt,) if prompt == PROMPT else row.prompts.get(prompt, ())
    answers = (row.answer,) if answer == ANSWER else row.alternatives.get(answer, ())
    return [replace(row, prompt=one, answer=text) for one in prompts for text in answers]


def _scored(
    context: ObserverContext,
    splits: Sequence[Split],
    variants: Sequence[Sequence[Sequence[Example]]],
    on_done: OnDone,
) -> list[Observed]:
    """Return the token scores of each split's examples, which have variants each."""
    flat = [[one for row in rows for one in row] for rows in variants]
    found = context.score_all(list(zip(splits, flat, strict=True)), on_done)
    observed = []
    for rows, scores in zip(variants, map(iter, found), strict=True):
        one: list[list[TokenScores | None]] = [[next(scores) for _ in row] for row in rows]
        observed.append(Observed.of_tokens(one))
    return observed
