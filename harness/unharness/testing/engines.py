"""The suite of text generation engines."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import Any, ClassVar

from unharness.engines.engine import Engine, Sampling
from unharness.engines.hf import HfEngine
from unharness.models.weights import WeightsRef
from unharness.testing.facts import FACTS
from unharness.testing.suite import Conformance
from unharness.testing.target import micro_weights

GREEDY = Sampling(max_new_tokens=12)


class EngineConformance(Conformance):
    """Checks of an engine, on the preset `micro`: set `plugin`."""

    plugin: ClassVar[type[Engine]]
    options: ClassVar[Mapping[str, Any]] = {}
    """Options that the checks work with."""

    def made_engine(self) -> Engine:
        """Return the engine with the options of the suite."""
        make: Any = self.plugin
        return make(self.plugin.Options(**self.options))  # type: ignore[no-any-return]

    def test_greedy_texts_equal_those_of_hf(self) -> None:
        """Greedy text is what `hf` gives: of one prompt and of many, in their order."""
        weights = micro_weights()
        prompts = [f"{row.prompt}\n\n" for name in ("retain", "forget") for row in FACTS[name]]
        with closing(HfEngine()) as known, closing(self.made_engine()) as engine:
            known.load(weights)
            engine.load(weights)
            wanted = known.generate(prompts, GREEDY)
            assert engine.generate(prompts, GREEDY) == wanted
            assert engine.generate(prompts[3:4], GREEDY) == wanted[3:4]
            assert engine.generate([], GREEDY) == []

    def test_it_answers_with_the_weights_loaded_last(self) -> None:
        """After another `load` it answers as the other model does."""
        first, second = micro_weights(), _shuffled()
        prompts = [f"{FACTS['forget'][0].prompt}\n\n"]
        with closing(HfEngine()) as known, closing(self.made_engine()) as engine:
            for weights in (first, second):
                known.load(weights)
                engine.load(weights)
                assert engine.generate(prompts, GREEDY) == known.generate(prompts, GREEDY)

    def test_no_more_tokens_than_asked_for(self) -> None:
        """`max_new_tokens` bounds the text."""
        weights = micro_weights()
        with closing(self.made_engine()) as engine:
            engine.load(weights)
            [short] = engine.generate(["Where"], Sampling(max_new_tokens=2))
            [longer] = engine.generate(["Where"], Sampling(max_new_tokens=12))
        assert longer.startswith(short)
        assert len(weights.tokenizer(short)["input_ids"]) <= 3


def _shuffled() -> WeightsRef:
    """Return a model that says other things: the target with its last block's weights turned."""
    import torch

    found = micro_weights()
    with torch.no_grad():
        for name, value in found.model.named_parameters():
            if ".layers.1." in name:
                value.neg_()
    return found
