"""The models of a run: the one that a request names, or weights that are the target already."""

from __future__ import annotations

from dataclasses import dataclass

from unharness.errors import UsageError
from unharness.evaluation.suite import NONE
from unharness.hub import hub_name
from unharness.models.external import ExternalWeights, find_weights
from unharness.models.preset import Tuning
from unharness.models.source import ModelSource, find_base_model
from unharness.registry import Registry
from unharness.request import RunRequest
from unharness.unlearning.method import Method


@dataclass(frozen=True)
class GivenTarget:
    """Weights that are the target, and what they were made from."""

    weights: ExternalWeights
    family: str
    """The model's name that default hyperparameters go by."""
    fresh: ModelSource | None = None
    """What a retrained model starts from; None where the method trains none."""


@dataclass(frozen=True)
class RunModels:
    """What a run begins with, and how it is tuned."""

    base: ModelSource
    """What the target is trained on; of a given target, what its weights sit on."""
    given: GivenTarget | None
    """The target, where the user gives it."""
    tuning: Tuning
    """How the method tunes."""
    target_tuning: Tuning
    """How the target learned, or learns."""

    @property
    def family(self) -> str:
        """The name that defaults of methods and tasks go by."""
        return self.given.family if self.given else self.base.name

    @property
    def fresh(self) -> ModelSource:
        """The model that knows nothing yet: what a retrained model starts from, if any does."""
        return (self.given and self.given.fresh) or self.base

    @property
    def suite(self) -> str | None:
        """The suite when the user names none; None: the task's."""
        # A default suite that needs the hub would be a surprise for weights from outside.
        return NONE if self.given else self.base.suite


class ModelFinder:
    """Finds each model once, so that its files are hashed once for many runs."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._bases: dict[str, ModelSource] = {}
        self._weights: dict[tuple[str, str | None], ExternalWeights] = {}

    def models(
        self, request: RunRequest, method: type[Method], base: ModelSource | None = None
    ) -> RunModels:
        """Return the models of a run.

        Args:
            request: what the user asks for.
            method: the one that it names.
            base: the base model, where it is in hand; None: what the request names.

        Raises:
            ModelError, UnknownNameError: there is no such model.
            UsageError: the method starts from the base model, and nothing says which it is.
        """
        if request.target is not None and base is None:
            given = self.target(request.target, request.named_model, method)
            kind = given.weights.kind
            return RunModels(given.weights.base, given, request.tuning or kind, kind)
        base = base or self.base(request.model)
        tuning = request.tuning or base.tuning
        return RunModels(base, None, tuning, base.target_tuning(tuning))

    def base(self, name: str) -> ModelSource:
        """Return a base model, as `find_base_model`."""
        if name not in self._bases:
            self._bases[name] = find_base_model(name, self._registry)
        return self._bases[name]

    def target(self, target: str, named: str | None, method: type[Method]) -> GivenTarget:
        """Return the target that a request gives.

        A checkpoint's own weights need no base, so that one is read only for a method that trains
        it anew.

        Args:
            target: a folder or a hub id.
            named: an adapter's base, or what a checkpoint was made from; None: nothing was said.
            method: what is to be done with it.

        Raises:
            ModelError: there are no such weights, or no such base.
            UsageError: the method starts from the base model, and nothing says which it is.
        """
        weights = self._find(target, named)
        if weights.kind == "lora":
            fresh = weights.base if method.trains_base else None
            return GivenTarget(weights, weights.base.name, fresh)
        if named is None:
            if method.trains_base:
                raise UsageError(
                    f"method {method.name!r} needs the base model, and the checkpoint {target} "
                    "does not say which one it was made from: give it by --model"
                )
            return GivenTarget(weights, weights.base.name)
        if not method.trains_base and (name := hub_name(named)):
            return GivenTarget(weights, name.repository)
        base = self.base(named)
        return GivenTarget(weights, base.name, base if method.trains_base else None)

    def _find(self, given: str, named: str | None) -> ExternalWeights:
        key = (given, named)
        if key not in self._weights:
            self._weights[key] = find_weights(given, named, self._registry)
        return self._weights[key]
