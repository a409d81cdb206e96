"""The suite of attacks."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from unharness.attacks.attack import Attack
from unharness.data.task_data import TaskData
from unharness.models.inference import InferenceWrapper
from unharness.models.weights import WeightsRef, weights_hash
from unharness.pipeline.stages.plugin_result import take_result
from unharness.testing.facts import FACTS
from unharness.testing.suite import SettingsConformance
from unharness.testing.target import micro_attack_context, micro_weights
from unharness.testing.weights import check_reload

if TYPE_CHECKING:
    from unharness.model_types import LanguageModel


class AttackConformance(SettingsConformance):
    """Checks of an attack, on the preset `micro`: set `plugin`."""

    plugin: ClassVar[type[Attack]]
    data_read: ClassVar[TaskData] = FACTS

    def made_attack(self) -> Attack:
        """Return the attack with the settings of the suite."""
        return self.plugin(self.made_settings())

    def test_every_model_gets_the_same_batches(self) -> None:
        """Whatever model and seed it meets, it trains on the same batches, by the same draws."""
        one = self._done()
        other = self._attacked(_another(), seed=1)
        assert one.batches == other.batches, (
            "another model or another seed of the run is given other batches; draw from a seed of "
            "the attack's own settings, as context.fine_tune(…, seed=self.config.seed)"
        )
        assert one.wrapper == other.wrapper, "another model gets another wrapper"

    def test_equal_models_are_attacked_equally(self) -> None:
        """Applied again to the same model, it leaves the same weights."""
        one, other = self._done(), self._attacked(micro_weights(), seed=0)
        assert weights_hash(one.model) == weights_hash(other.model)

    def test_it_changes_weights_as_it_says(self) -> None:
        """`changes_weights` says whether it does."""
        before = weights_hash(micro_weights().model)
        after = weights_hash(self._done().model)
        if self.plugin.changes_weights:
            assert after != before, "no weight changed; say changes_weights = False"
        else:
            assert after == before, "weights changed; say changes_weights = True"

    def test_it_reads_what_it_declares(self) -> None:
        """Splits of roles that `reads` does not name are not needed: it is not given them."""
        roles = {split.role for split in self.data_read.splits.values()}
        assert self.plugin.reads <= roles, f"the suite's data has no {self.plugin.reads - roles}"
        self._done()

    def test_saved_weights_are_the_model(self) -> None:
        """Saved and loaded again, model and wrapper answer as they did."""
        done = self._done()
        with tempfile.TemporaryDirectory() as folder:
            check_reload(done.model, micro_weights().tokenizer, folder)
        if done.wrapper is not None:
            assert self.plugin.Wrapper is not None
            again = self.plugin.Wrapper(**done.wrapper.model_dump(mode="json"))
            assert again.prompt("Who?") == done.wrapper.prompt("Who?")
            assert again.respond("Who?", "A.") == done.wrapper.respond("Who?", "A.")

    def _done(self) -> _Done:
        suite: Any = type(self)
        return _done(suite)

    def _attacked(self, weights: WeightsRef, *, seed: int) -> _Done:
        readable = [
            split for split in self.data_read.splits.values() if split.role in self.plugin.reads
        ]
        data = TaskData.of(readable, self.data_read.origin)
        context = micro_attack_context(weights, seed=seed, data=data)
        batches: list[Any] = []

        def record(module: Any, inputs: tuple[Any, ...]) -> None:
            if module.training:
                batches.append(inputs[0].tolist())

        # A hook on the embedding goes with the copies that are trained.
        handle = context.model.get_input_embeddings().register_forward_pre_hook(record)
        attack = self.made_attack()
        wrapper = take_result(attack, context, attack.apply(context))
        handle.remove()
        return _Done(context.model.eval(), wrapper, batches)


@cache
def _done(suite: Any) -> _Done:  # a subclass of AttackConformance
    found: _Done = suite()._attacked(micro_weights(), seed=0)
    return found


@dataclass
class _Done:
    """What an attack left."""

    model: LanguageModel
    wrapper: InferenceWrapper | None
    batches: list[Any]
    """The tokens of every forward pass of a training, in their order."""


def _another() -> WeightsRef:
    """Return another model: the target with all weights a tenth smaller."""
    import torch

    found = micro_weights()
    with torch.no_grad():
        for value in found.model.parameters():
            value.mul_(0.9)
    return found
