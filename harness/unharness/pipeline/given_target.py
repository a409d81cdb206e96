"""A target that the user gives: weights that know the facts already, so nothing is taught."""

from __future__ import annotations

from dataclasses import dataclass

from unharness.errors import UsageError
from unharness.hub import hub_name
from unharness.models.external import ExternalWeights, find_weights
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


class ModelFinder:
    """Finds each model once, so that its files are hashed once for many runs."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._bases: dict[str, ModelSource] = {}
        self._weights: dict[tuple[str, str | None], ExternalWeights] = {}

    def base(self, name: str) -> ModelSource:
        """Return a base model, as `find_base_model`."""
        if name not in self._bases:
            self._bases[name] = find_base_model(name, self._registry)
        return self._bases[name]

    def target(self, request: RunRequest, method: type[Method]) -> GivenTarget:
        """Return the target that a request gives.

        `--model` names an adapter's base, or what a checkpoint was made from. A checkpoint's own
        weights need no base, so that one is read only for a method that trains it anew.

        Raises:
            ModelError: there are no such weights, or no such base.
            UsageError: the method starts from the base model, and nothing says which it is.
        """
        assert request.target is not None
        weights = self._find(request.target, request.named_model)
        named = request.named_model
        if weights.kind == "lora":
            fresh = weights.base if method.trains_base else None
            return GivenTarget(weights, weights.base.name, fresh)
        if named is None:
            if method.trains_base:
                raise UsageError(
                    f"method {method.name!r} needs the base model, and the checkpoint "
                    f"{request.target} does not say which one it was made from: give it by --model"
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
