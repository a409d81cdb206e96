"""The suite of observers."""

from __future__ import annotations

from contextlib import closing
from typing import ClassVar

from unharness.engines.engine import Sampling
from unharness.engines.hf import HfEngine
from unharness.evaluation.observed import Observed
from unharness.evaluation.observer import Observer, ObserverContext
from unharness.evaluation.requests import Observation
from unharness.models.weights import weights_hash
from unharness.testing.facts import FACTS
from unharness.testing.suite import Conformance
from unharness.testing.target import MAX_LENGTH, micro_weights

NEW_TOKENS = 12


class ObserverConformance(Conformance):
    """Checks of an observer, on the preset `micro`: set `plugin` and `request`.

    Every reference model that it asks for is the target.
    """

    plugin: ClassVar[type[Observer]]
    request: ClassVar[Observation]
    """One that it answers."""
    split: ClassVar[str] = "forget"
    """Of the suite's facts, which is observed."""

    def observed(self, count: int | None = None) -> Observed:
        """Return what it observes of the target on the first examples of the split."""
        split = FACTS.splits[self.split]
        split = split.with_examples(split.examples[:count])
        weights = micro_weights()
        before = weights_hash(weights.model)
        with closing(HfEngine()) as engine:
            context = ObserverContext(
                weights,
                engine,
                MAX_LENGTH,
                NEW_TOKENS,
                reference_weights=lambda name: micro_weights(),
            )
            for part in self.request.parts():
                if part.of_text:
                    texts = context.generate(split, Sampling(NEW_TOKENS), lambda *_: None)
                    context.keep_greedy(split, texts)
            found = self.plugin().observe(
                context, split, self.request.parts()[0], lambda done, total: None
            )
        assert weights_hash(weights.model) == before, "it changed the model"
        assert not weights.model.training, "it left the model in training mode"
        return found

    def test_it_answers_its_request(self) -> None:
        """The request names it, and what it observes can be stored."""
        assert self.request.parts()[0].observer == self.plugin.name
        found = self.observed()
        assert isinstance(found, Observed), f"observe() gave {type(found).__name__}"
        assert not found.reason, f"nothing was observed: {found.reason}"
        assert not found.is_empty, "nothing was observed"
        found.check_storable()

    def test_equal_models_are_observed_equally(self) -> None:
        """Observed again, all is the same."""
        one, other = self.observed(), self.observed()
        assert one.arrays.keys() == other.arrays.keys()
        for name, values in one.arrays.items():
            assert values.tolist() == other.arrays[name].tolist(), f"array {name!r} differs"
        assert {k: list(v) for k, v in one.texts.items()} == {
            k: list(v) for k, v in other.texts.items()
        }
