"""The observer of generated text."""

from __future__ import annotations

from collections.abc import Sequence

from unharness.data.examples import Generation, Split
from unharness.engines.engine import Sampling
from unharness.evaluation.observed import Observed
from unharness.evaluation.observer import Observer, ObserverContext, OnDone
from unharness.evaluation.requests import Generated, Observation


class GenerationObserver(Observer):
    """Lets the engine continue every prompt.

    Greedy texts of all splits with equal settings are one call of the engine, whose batches are
    fuller. Samples are drawn split by split, so that no other split changes the draws.
    """

    name = Generated.observer
    summary = "Texts that continue the prompt, greedy or sampled."
    stage = "generate"
    together = True

    def observe(
        self, context: ObserverContext, split: Split, request: Observation, on_done: OnDone
    ) -> Observed:
        """Generate as often as asked for, each sample with its own seed."""
        [found] = self.observe_together(context, [(split, request)], on_done)
        return found

    def observe_together(
        self,
        context: ObserverContext,
        asked: Sequence[tuple[Split, Observation]],
        on_done: OnDone,
    ) -> Sequence[Observed]:
        """Generate for all splits; each sample has its own seed."""
        samples: list[list[list[str]]] = [[] for _ in asked]
        total, before = 0, 0
        calls: dict[tuple[Sampling, int | None], list[int]] = {}
        for at, (split, request) in enumerate(asked):
            assert isinstance(request, Generated)
            total += request.samples * len(split)
            for seed in range(request.samples):
                sampling = _sampling(context, split, request, seed)
                alone = at if sampling.temperature else None
                calls.setdefault((sampling, alone), []).append(at)
        for (sampling, _), places in calls.items():
            splits = [asked[at][0] for at in places]

            def on_call(done: int, _: int, before: int = before) -> None:
                on_done(before + done, total)

            texts = context.generate_all(splits, sampling, on_call)
            for at, split, made in zip(places, splits, texts, strict=True):
                stops = (split.generation or Generation()).stops
                samples[at].append([_until(text, stops) for text in made])
            before += sum(map(len, splits))
        for (split, request), columns in zip(asked, samples, strict=True):
            if request == Generated():
                context.keep_greedy(split, columns[0])
        return [
            Observed(texts={"samples": [list(row) for row in zip(*columns, strict=True)]})
            for columns in samples
        ]


def _sampling(context: ObserverContext, split: Split, request: Generated, seed: int) -> Sampling:
    tokens = (split.generation or Generation()).max_new_tokens or context.max_new_tokens
    special = context.adds_special_tokens(split)
    return Sampling(tokens, request.temperature or 0.0, seed=seed, special_tokens=special)


def _until(text: str, stops: tuple[str, ...]) -> str:
    """Return a text up to the first of the strings that end it."""
    for stop in stops:
        text = text.split(stop)[0]
    return text
