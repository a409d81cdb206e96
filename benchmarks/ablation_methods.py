"""The methods of the MemFlex ablation: training on named tensors, and an update drawn at random."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pydantic import Field

from unharness import Method, MethodError, UnlearnContext
from unharness.registry import PluginInfo, registry
from unharness_methods.gradient_difference import GradientDifference


class NamedTensors(GradientDifference):
    """Gradient difference on tensors that are given by name."""

    name = "named-tensors"
    summary = "Gradient difference on named tensors; the ablation's own."

    class Config(GradientDifference.Config):
        """Adds the tensors."""

        tensors: tuple[str, ...] | None = Field(None, description="that move; None: all")

    def select_parameters(self, context: UnlearnContext) -> Collection[str] | None:
        """Return the tensors that were named."""
        tensors: tuple[str, ...] | None = self.config.tensors
        return tensors


class RandomUpdate(Method):
    """Moves tensors in a random direction, as far as another run moved them: nothing is trained."""

    name = "random-update"
    summary = "A random update of given norms; the ablation's sham."

    class Config(Method.Config):
        """How far to go."""

        norms: dict[str, float] = Field(description="L2 norm of the update, by tensor")

    def unlearn(self, context: UnlearnContext) -> None:
        """Add to every named tensor a normal draw of its norm.

        Raises:
            MethodError: the model has no such tensor.
        """
        import torch

        norms: dict[str, float] = self.config.norms
        tensors = dict(context.model.named_parameters())
        if missing := sorted(norms.keys() - tensors.keys()):
            raise MethodError(f"no such tensor: {', '.join(missing[:3])}")
        generator = context.torch_generator("random update")
        for name in sorted(norms):
            value = tensors[name].detach()
            drawn = torch.randn(value.shape, generator=generator, dtype=torch.float64)
            before = value.to(torch.float64, copy=True)
            value += (drawn * (norms[name] / drawn.norm())).to(value)
            context.log.update_norms[name] = float((value.double() - before).norm())


def register() -> None:
    """Let `run` know the methods in this process."""
    plugin = PluginInfo("memflex-ablation", "benchmarks", "", __name__)
    known: Any = registry()
    for method in (NamedTensors, RandomUpdate):
        if method.name not in known.names("methods"):
            known.add("methods", method, plugin)
    if plugin.errors:
        raise RuntimeError("; ".join(plugin.errors))
