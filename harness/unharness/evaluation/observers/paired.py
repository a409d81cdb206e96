"""The observer of two models at once: how far one's predictions are from the other's."""

from __future__ import annotations

from collections.abc import Sequence

from unharness.data.encoding import Encoded
from unharness.data.examples import Split
from unharness.evaluation.observed import Observed
from unharness.evaluation.observer import Observer, ObserverContext, OnDone
from unharness.evaluation.observers.likelihood import variants_of
from unharness.evaluation.requests import Observation, Paired


class PairedObserver(Observer):
    """KL(other ‖ model) at every answer token, under teacher forcing."""

    name = Paired.observer
    summary = "Divergence of predictions from the base, target or retrained model's, by token."
    stage = "compare {split}"

    def observe(
        self, context: ObserverContext, split: Split, request: Observation, on_done: OnDone
    ) -> Observed:
        """Compare the models on every answer of a kind to every prompt of a kind."""
        from unharness.evaluation.pair_scoring import score_pairs

        assert isinstance(request, Paired)
        other = context.reference(request.with_)
        if other is None:
            return Observed.missing(
                f"needs the {request.with_} model, which is not in the cache: make its row first, "
                "then run this again with --force"
            )
        if len(other.tokenizer) != len(context.tokenizer):
            return Observed.missing(f"the {request.with_} model has another vocabulary")
        [prompt], [answer] = request.prompts, request.answers
        variants = [variants_of(row, prompt, answer) for row in split.examples]
        flat = [one for row in variants for one in row]
        windows = zip(context.encoded(split, flat), other.encoded(split, flat), strict=True)
        pairs = [_aligned(own, others) for own, others in windows]
        pad = context.tokenizer.pad_token_id
        found = iter(score_pairs(context.model, other.model, pairs, pad, on_done=on_done))
        return Observed.of_sequences("kl", [[next(found) for _ in row] for row in variants])


def _aligned(own: Sequence[Encoded], other: Sequence[Encoded]) -> list[tuple[Encoded, Encoded]]:
    """Return the windows that score the same tokens; none where some do not."""
    if [_scored(row) for row in own] != [_scored(row) for row in other]:
        return []
    return list(zip(own, other, strict=True))


def _scored(row: Encoded) -> tuple[int, ...]:
    return row.input_ids[max(1, row.answer_start) :]
