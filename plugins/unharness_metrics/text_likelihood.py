"""How likely another model finds what the model writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from unharness import Generated, Observation, Observed, Observer, ObserverContext, Split


@dataclass(frozen=True)
class TextLikelihood(Observation):
    """Token scores, under another model, of the model's own greedy text."""

    observer: ClassVar[str] = "text_likelihood"
    of_text: ClassVar[bool] = True
    under: Literal["base", "target", "retrained"] = "base"

    def parts(self) -> Sequence[Observation]:
        """Ask for the texts as well: they are written once."""
        return (Generated(), self)


class TextLikelihoodObserver(Observer):
    """Lets another model score the text as if it were the answer, under teacher forcing."""

    name = TextLikelihood.observer
    summary = "Token scores of the model's greedy text under the base, target or retrained model."
    stage = "score texts of {split}"

    def observe(
        self,
        context: ObserverContext,
        split: Split,
        request: Observation,
        on_done: Callable[[int, int], None],
    ) -> Observed:
        """Score every text after its prompt; an empty one has no token."""
        assert isinstance(request, TextLikelihood)
        other = context.reference(request.under)
        if other is None:
            return Observed.missing(
                f"needs the {request.under} model, which is not in the cache: make its row first, "
                "then run this again with --force"
            )
        texts = context.greedy_texts(split)
        pairs = zip(split.examples, texts, strict=True)
        rows = [replace(row, answer=text) for row, text in pairs if text.strip()]
        scored = iter(other.score(split, rows, on_done))
        return Observed.of_tokens([[next(scored) if text.strip() else None] for text in texts])
