"""The observer of generated text."""

from __future__ import annotations

from unharness.data.examples import Generation, Split
from unharness.engines.engine import Sampling
from unharness.evaluation.observed import Observed
from unharness.evaluation.observer import Observer, ObserverContext, OnDone
from unharness.evaluation.requests import Generated, Observation


class GenerationObserver(Observer):
    """Lets the engine continue every prompt."""

    name = Generated.observer
    summary = "Texts that continue the prompt, greedy or sampled."
    stage = "generate"

    def observe(
        self, context: ObserverContext, split: Split, request: Observation, on_done: OnDone
    ) -> Observed:
        """Generate as often as asked for, each sample with a seed of its own."""
        assert isinstance(request, Generated)
        how = split.generation or Generation()
        tokens = how.max_new_tokens or context.max_new_tokens
        temperature = request.temperature or 0.0
        total = request.samples * len(split)
        columns = []
        for sample in range(request.samples):
            sampling = Sampling(tokens, temperature, seed=sample)

            def on_sample(done: int, _: int, before: int = sample * len(split)) -> None:
                on_done(before + done, total)

            texts = context.generate(split, sampling, on_sample)
            columns.append([_until(text, how.stops) for text in texts])
        return Observed(texts={"samples": [list(row) for row in zip(*columns, strict=True)]})


def _until(text: str, stops: tuple[str, ...]) -> str:
    """Return a text up to the first of the strings that end it."""
    for stop in stops:
        text = text.split(stop)[0]
    return text
