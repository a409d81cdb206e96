"""The base class of attacks.

Nothing heavy is imported here: a plugin that derives from it lists in no time.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from unharness.data.examples import Role
from unharness.models.inference import InferenceWrapper, UnlearnedModel
from unharness.strict_model import StrictModel

if TYPE_CHECKING:
    from unharness.attacks.context import AttackContext


class Attack(ABC):
    """Turns an unlearned model into another one. Derive from it and register the class.

    What is measured afterwards tells how easily the forgotten comes back. The target and the
    retrained model are attacked in the same way, so that there is something to compare with.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    citation: ClassVar[str] = ""
    version: ClassVar[int] = 1
    """Raised whenever the same settings would give another model."""
    reads: ClassVar[frozenset[Role]] = frozenset()
    """Roles of the splits that it reads; their content is part of a run's identity."""
    changes_weights: ClassVar[bool] = True
    """Whether it changes weights. It then works on a copy of the model, what it leaves is kept in
    the cache, and general knowledge is measured anew."""

    Wrapper: ClassVar[type[InferenceWrapper] | None] = None
    """The class of the inference wrapper that it leaves, if it leaves one."""

    class Config(StrictModel):
        """Every setting, typed, bounded and described. Derive from it to add some."""

    def __init__(self, config: Any) -> None:
        self.config = config

    @abstractmethod
    def apply(self, context: AttackContext) -> UnlearnedModel | None:
        """Change `context.model`, or return another one, or a wrapper.

        Returns:
            What it leaves; None for `context.model` without a new wrapper. A wrapper that the
            model already has stays: prompts go through the attack's first, then through it.

        Raises:
            MethodError: it cannot be done; the reason goes into the record.
        """
