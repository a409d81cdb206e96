"""The suite of unlearning methods."""

from __future__ import annotations

import copy
import math
import random
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from unharness.data.task_data import TaskData
from unharness.models.inference import InferenceWrapper
from unharness.models.preset import Tuning
from unharness.testing.facts import FACTS
from unharness.testing.suite import SettingsConformance
from unharness.testing.target import MODEL, micro_context
from unharness.testing.weights import check_reload, same_tensors
from unharness.unlearning.method import LossMethod, Method

if TYPE_CHECKING:
    from torch import Tensor

    from unharness.data.batches import UnlearnBatch
    from unharness.data.encoding import Encoded
    from unharness.model_types import LanguageModel
    from unharness.unlearning.context import UnlearnContext
    from unharness.unlearning.reference import Reference

SMALL: Mapping[str, Any] = {"epochs": 1, "batch_size": 3}
ROWS = 3
"""Examples of the batch that a loss is computed of."""
LOSS_ERROR = re.compile(r"step \d+: the loss is ")
NOT_FINITE = "the loss is not finite"
CLOSE: Mapping[str, float] = {"rel": 1e-5, "abs": 1e-6}

each_tuning = pytest.mark.parametrize("tuning", ["full", "lora"])


class MethodConformance(SettingsConformance):
    """Checks of an unlearning method, on the preset `micro`: set `plugin`.

    Each training is of two steps. Checks of a loss apply to a `LossMethod` alone.
    """

    plugin: ClassVar[type[Method]]
    settings: ClassVar[Mapping[str, Any]] = {}
    """Hyperparameters, over `Config`'s defaults and those for `micro`."""
    data: ClassVar[TaskData] = FACTS
    """What the method reads; the target knows `FACTS`."""
    tunings: ClassVar[Sequence[Tuning]] = ("full", "lora")
    """What it can do: train all parameters, train an adapter."""

    def made_settings(self, **more: Any) -> Any:
        """Return the hyperparameters that the checks work with."""
        fields = self.plugin.Config.model_fields
        small = {name: value for name, value in SMALL.items() if name in fields}
        return super().made_settings(
            **{**self.plugin.defaults_for(MODEL), **small, **self.settings, **more}
        )

    def made_method(self, **more: Any) -> Method:
        """Return the method with these hyperparameters."""
        return self.plugin(self.made_settings(**more))

    def _needs(self, tuning: Tuning, *, loss: bool = False) -> None:
        if tuning not in self.tunings:
            pytest.skip(f"{self.plugin.name} is not for {tuning}")
        if loss and not issubclass(self.plugin, LossMethod):
            pytest.skip(f"{self.plugin.name} is no loss")

    def _batch(self, tuning: Tuning) -> _Batch:
        suite: Any = type(self)
        return _batch(suite, tuning)

    @each_tuning
    def test_loss_is_finite(self, tuning: Tuning) -> None:
        """The loss is one finite number a term, at the target model."""
        self._needs(tuning, loss=True)
        terms = self._batch(tuning).terms()
        assert terms, "loss_terms() yields nothing"
        for term in terms:
            assert term.dim() == 0, f"a loss has the shape {tuple(term.shape)}, expected a scalar"
            assert math.isfinite(term.item()), f"the loss is {term.item()}"

    @each_tuning
    def test_gradients_only_where_they_should_be(self, tuning: Tuning) -> None:
        """What `select_parameters` leaves out, and what is frozen, gets no gradient."""
        self._needs(tuning, loss=True)
        batch = self._batch(tuning)
        with batch.selected() as allowed:
            for term in batch.terms():
                if not math.isfinite(term.item()):
                    pytest.skip(NOT_FINITE)
                term.backward()
        found = batch.take_gradients()
        stray = sorted(set(found) - allowed)
        assert not stray, f"a gradient where none should be: {', '.join(stray[:3])}"
        assert any(bool(grad.any()) for grad in found.values()), "no parameter has a gradient"

    @each_tuning
    def test_loss_is_a_mean_over_examples(self, tuning: Tuning) -> None:
        """The loss of a batch is the mean of its examples' own, whatever the padding."""
        self._needs(tuning, loss=True)
        batch = self._batch(tuning)
        with batch.moved():
            together = batch.loss(range(ROWS))
            alone = sum(batch.loss([index]) for index in range(ROWS)) / ROWS
        assert together == pytest.approx(alone, nan_ok=True, **CLOSE)

    @each_tuning
    def test_training_moves_what_may_move(self, tuning: Tuning) -> None:
        """Unlearning ends with finite weights; only selected tensors moved, and some did."""
        self._needs(tuning)
        suite: Any = type(self)
        done = _done(suite, tuning)
        if LOSS_ERROR.match(done.error):
            pytest.skip(NOT_FINITE)
        assert not done.error, done.error
        assert done.moved or not self.plugin.trains, "no weight moved"
        if done.selected is not None:
            stray = sorted(done.moved - done.selected)
            assert not stray, f"moved, and should not have: {', '.join(stray[:3])}"

    @each_tuning
    def test_equal_seeds_give_equal_weights(self, tuning: Tuning) -> None:
        """A second run with the same seed is the same, bit for bit."""
        self._needs(tuning)
        done = self._done(tuning)
        again = _unlearn(self.made_method(), self.data, tuning)
        assert done.losses == again.losses, "the losses differ"
        assert same_tensors(done.state, again.state), "the weights differ"

    @each_tuning
    def test_the_reference_stays(self, tuning: Tuning) -> None:
        """The reference is the target before unlearning, to the last step; what is frozen stays."""
        self._needs(tuning, loss=True)
        done = self._done(tuning)
        assert not done.frozen_moved, f"frozen, and moved: {', '.join(done.frozen_moved[:3])}"
        for stream, difference in done.reference_differences.items():
            assert difference < 1e-3, (
                f"what the reference says of {stream} differs by {difference:.2g} from the target"
            )

    @each_tuning
    def test_saved_weights_are_the_model(self, tuning: Tuning) -> None:
        """Saved and loaded again, model and wrapper answer as they did."""
        self._needs(tuning)
        done = self._done(tuning)
        with tempfile.TemporaryDirectory() as folder:
            check_reload(done.model, done.tokenizer, folder)
        if done.wrapper is not None:
            kept = done.wrapper.model_dump(mode="json")
            assert self.plugin.Wrapper is not None, "declare the wrapper's class: Wrapper = …"
            again = self.plugin.Wrapper(**kept)
            assert again == done.wrapper, "the wrapper's fields are not kept as JSON"
            for question in ("Who?", self.data["forget"][0].prompt):
                assert again.prompt(question) == done.wrapper.prompt(question)
                assert again.respond(question, "A.") == done.wrapper.respond(question, "A.")

    def _done(self, tuning: Tuning) -> _Done:
        suite: Any = type(self)
        done = _done(suite, tuning)
        if done.error:
            pytest.skip(f"its training fails: {done.error}")
        return done


@cache
def _batch(suite: Any, tuning: Tuning) -> _Batch:  # a subclass of MethodConformance
    return _Batch(suite().made_method(), suite.data, tuning)


@cache
def _done(suite: Any, tuning: Tuning) -> _Done:
    return _unlearn(suite().made_method(), suite.data, tuning)


@dataclass
class _Done:
    """What an unlearning left."""

    model: LanguageModel
    tokenizer: Any
    wrapper: InferenceWrapper | None
    state: Mapping[str, Tensor]
    losses: Sequence[float]
    error: str
    """Why it could not be done; empty where it could."""
    moved: set[str]
    selected: set[str] | None
    """Names that may move; None where the method replaced the model's tensors."""
    frozen_moved: list[str]
    reference_differences: dict[str, float] = field(default_factory=dict)
    """By stream: the largest difference of what the reference says from what the target says."""


def _unlearn(method: Method, data: TaskData, tuning: Tuning) -> _Done:
    import torch

    from unharness.errors import MethodError
    from unharness.pipeline.stages.plugin_result import take_result

    context = micro_context(tuning, data=data, method=method)
    before = {name: one.detach().clone() for name, one in context.model.named_parameters()}
    may_move = {name for name, one in context.model.named_parameters() if one.requires_grad}
    selected: set[str] | None = may_move
    differences: dict[str, float] = {}
    wrapper, problem = None, ""
    if isinstance(method, LossMethod):
        choose = method.select_parameters

        def chosen(given: UnlearnContext) -> Any:
            nonlocal selected
            names = choose(given)
            selected = may_move if names is None else set(names)
            return names

        vars(method)["select_parameters"] = chosen
        if any(stream.reference for stream in method.streams().values()):
            target = copy.deepcopy(context.model).eval()
            vars(method)["loss_terms"] = _watched(method, target, differences)
    with torch.random.fork_rng(devices=[]):
        try:
            wrapper = take_result(method, context, method.unlearn(context))
        except MethodError as error:
            problem = str(error)
    context.model.eval()
    after = dict(context.model.named_parameters())
    replaced = after.keys() != before.keys()  # whole weights in the place of an adapter
    moved = set(after) if replaced else {n for n in after if not torch.equal(after[n], before[n])}
    return _Done(
        context.model,
        context.tokenizer,
        wrapper,
        {name: value.detach().clone() for name, value in context.model.state_dict().items()},
        list(context.log.losses),
        problem,
        moved,
        None if replaced or not isinstance(method, LossMethod) else selected,
        [] if replaced else sorted(moved - may_move),
        differences,
    )


def _watched(
    method: LossMethod, target: LanguageModel, differences: dict[str, float]
) -> Callable[[LanguageModel, UnlearnBatch], Iterator[Tensor]]:
    """Return the method's loss; it compares the reference of each last batch with the target."""
    from unharness.training.blocks import hidden_states
    from unharness.training.likelihood import scored_log_probs
    from unharness.training.scored_logits import scored_logits
    from unharness.unlearning.streams import HIDDEN, LOG_PROBS, LOGITS, with_forget

    terms = method.loss_terms

    def compare(batch: UnlearnBatch) -> None:
        import torch

        for name, stream in with_forget(method.streams()).items():
            tokens = batch[name]
            pairs: list[tuple[Tensor, Tensor]] = []
            with torch.no_grad():
                if LOG_PROBS in stream.reference:
                    said = batch.reference.log_probs(name)
                    pairs.append((said, scored_log_probs(target, tokens)))
                if LOGITS in stream.reference:
                    said = batch.reference.scored_logits(name)
                    pairs.append((said, scored_logits(target, tokens)))
                if HIDDEN in stream.reference:
                    mask = tokens.attention_mask.bool()
                    for layer in stream.layers:
                        said = batch.reference.hidden(name, layer)
                        pairs.append((said[mask], hidden_states(target, tokens, layer)[mask]))
            for said, wanted in pairs:
                difference = float((said.float() - wanted.float()).abs().max())
                differences[name] = max(difference, differences.get(name, 0.0))

    def watched(model: LanguageModel, batch: UnlearnBatch) -> Iterator[Tensor]:
        if batch.step == batch.total_steps - 1:
            compare(batch)
        yield from terms(model, batch)

    return watched


class _Batch:
    """The first examples of a method's streams, as its loss is given them."""

    def __init__(self, method: Method, data: TaskData, tuning: Tuning) -> None:
        from unharness.unlearning.reference import make_reference
        from unharness.unlearning.stream_rows import stream_rows
        from unharness.unlearning.streams import with_forget

        assert isinstance(method, LossMethod)
        self.method = method
        self.context = micro_context(tuning, data=data, method=method)
        model = self.context.model
        self._trainable = {name for name, one in model.named_parameters() if one.requires_grad}
        method.prepare(self.context)
        streams = with_forget(method.streams())
        rows = stream_rows(self.context, streams, 1, random.Random(0))
        indices = list(range(ROWS))
        self._rows: dict[str, Sequence[Encoded]] = {
            name: one.take(indices, 0) for name, one in rows.items()
        }
        self._reference: Reference | None = make_reference(self.context.model, streams)
        if self._reference:
            self._reference.prepare(self.context, self._rows)
            self._reference.attach(self.context.model)

    def terms(self, indices: Sequence[int] = tuple(range(ROWS))) -> list[Tensor]:
        """Return the terms of the loss of some of the examples."""
        from unharness.data.batches import UnlearnBatch, collate

        pad = self.context.tokenizer.pad_token_id
        streams = {
            name: collate([rows[index] for index in indices], pad)
            for name, rows in self._rows.items()
        }
        batch = UnlearnBatch(streams, self._reference, 0, 1)
        return list(self.method.loss_terms(self.context.model, batch))

    def loss(self, indices: Sequence[int]) -> float:
        """Return the loss of some of the examples."""
        return float(sum(term.item() for term in self.terms(indices)))

    def take_gradients(self) -> dict[str, Tensor]:
        """Return the gradients by name, and clear them."""
        model = self.context.model
        found = {n: one.grad for n, one in model.named_parameters() if one.grad is not None}
        for name, value in model.named_parameters():
            value.grad = None
            value.requires_grad_(name in self._trainable)
        return found

    @contextmanager
    def moved(self) -> Iterator[None]:
        """Move the model away from the target, where log-ratios are 0, and back."""
        import torch

        model = self.context.model
        values = [one for name, one in model.named_parameters() if name in self._trainable]
        before = [value.detach().clone() for value in values]
        with torch.no_grad():
            for value in values:
                value.mul_(0.9)
            yield
            for value, kept in zip(values, before, strict=True):
                value.copy_(kept)

    @contextmanager
    def selected(self) -> Iterator[set[str]]:
        """Freeze what the method does not select; give the names of the rest."""
        from unharness.unlearning.loss_trainer import only_trainable

        model = self.context.model
        with only_trainable(model, self.method.select_parameters(self.context)):
            yield {name for name, value in model.named_parameters() if value.requires_grad}
