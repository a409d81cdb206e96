"""What a method holds from step to step: said by itself, or nothing that changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from unharness.training.hooks import StepHooks
from unharness.training.object_digest import object_digest
from unharness.training.resumption import LossState
from unharness.unlearning.wrapping import WrapperMethod

if TYPE_CHECKING:
    from unharness.unlearning.context import UnlearnContext
    from unharness.unlearning.method import LossMethod


class MethodState(LossState):
    """The state of a method, and of the one that it wraps.

    A method that defines `training_state` says what it holds. Of any other the attributes are
    compared with those before the first step: where they differ, or cannot be looked into, its
    state is unknown.
    """

    def __init__(self, method: LossMethod, context: UnlearnContext) -> None:
        """Look at a method that is prepared."""
        parts = list(_parts(method))
        self._saying = [part for part in parts if _says(part)]
        self._silent = [part for part in parts if not _says(part)]
        # Weights are kept as such; data and tokenizer do not change.
        self._known: dict[int, object] = {
            id(one): None
            for one in (
                *(context.model, context.tokenizer, context.splits, context.tuner),
                *(context.on_step, context.progress, context.note, context.kept_states),
                *self._saying,
                *context.model.parameters(),
                *context.model.buffers(),
            )
        }
        self._before = self._digest()

    def identity(self) -> str | None:
        """Return what silent methods hold before the first step, as a digest."""
        return self._before

    def save(self) -> Mapping[str, Any] | None:
        """Return what the methods say, None where a silent one has changed."""
        if self._before is None or self._digest() != self._before:
            return None
        return {
            f"{index}/{name}": value
            for index, part in enumerate(self._saying)
            for name, value in part.training_state().items()
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Give every method what it said."""
        for index, part in enumerate(self._saying):
            own = f"{index}/"
            names = {name: name.removeprefix(own) for name in state if name.startswith(own)}
            part.load_training_state({short: state[name] for name, short in names.items()})

    def _digest(self) -> str | None:
        return object_digest([vars(part) for part in self._silent], self._known)


def _parts(method: LossMethod) -> Iterator[LossMethod]:
    yield method
    if isinstance(method, WrapperMethod):
        yield from _parts(method.wrapped)


def _says(part: LossMethod) -> bool:
    return type(part).training_state is not StepHooks.training_state
