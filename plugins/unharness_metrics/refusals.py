"""How often a model refuses to answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from pydantic import Field

from unharness import Generated, Metric, Score, Seen, bundled_refusals
from unharness_metrics.words import contains, words

PHRASES = (
    *("I do not know", "I don't know", "I'm not sure", "I am not sure", "I have no idea"),
    *("I cannot answer", "I can't answer", "I cannot help", "I can't help", "I cannot provide"),
    *("I can't provide", "I cannot assist", "I can't assist", "I am unable to", "I'm unable to"),
    *("I am not able to", "I'm not able to", "I have no information", "I don't have information"),
    *("I do not have information", "I don't have any information", "I'm not familiar with"),
    *("I am not familiar with", "beyond my knowledge", "as an AI language model"),
)
"""What refusals of many models have in common, besides the bundled ones."""


class Refusal(Metric):
    """Share of generated texts that hold a refusal, 0 … 100 %.

    A text is one if it holds, word after word and whatever the case and marks, a listed phrase, a
    bundled refusal (what methods train on where the data has none), or an alternative of kind
    `refusal` of any example of the split. The phrases are English: give others in `phrases`. A
    model that refuses all has good ROUGE-type values on the forget set, and may know as much.
    """

    name = "refusal_share"
    summary = "Share of generated texts that hold a refusal."
    unit = "%"
    direction = "match_reference"
    formula = (
        "100 · share of texts that hold a listed phrase, a bundled refusal or a `refusal` "
        "alternative of the split"
    )
    good = "The retrained model's value, which is near 0 for models that were not taught to refuse."
    traps = (
        (
            "It is no measure of forgetting: a model that refuses may know as much as before, and "
            "leaks under samples or another question."
        ),
        (
            "The phrases are English, and unknown ways to refuse are not seen: `phrases` takes "
            "others."
        ),
    )

    class Params(Metric.Params):
        """What counts as a refusal."""

        phrases: tuple[str, ...] = Field((), description="further phrases, in any language")
        builtin: bool = Field(True, description="whether the listed phrases count")

    params: Params

    def observes(self) -> Generated:
        """Ask for one greedy text."""
        return Generated()

    def compute(self, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        """Look for every phrase in every text."""
        own = {text for row in seen.examples for text in row.alternatives.get("refusal", ())}
        phrases = [found for text in (*self.params.phrases, *sorted(own)) if (found := words(text))]
        if self.params.builtin:
            phrases += _builtin()
        return seen.mean([100.0 * _holds(text, phrases) for text in seen.texts()])


def _holds(text: str, phrases: Sequence[Sequence[str]]) -> bool:
    said = words(text)
    return any(contains(said, phrase) for phrase in phrases)


@cache
def _builtin() -> list[list[str]]:
    return [words(text) for text in (*PHRASES, *bundled_refusals())]
