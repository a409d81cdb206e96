"""Methods that change how the loss of another method is trained."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import Field

from unharness.checked import checked
from unharness.errors import MethodError, UsageError
from unharness.named_settings import changed_settings, parse_named
from unharness.training.hooks import Gradients
from unharness.unlearning.method import LossMethod
from unharness.unlearning.streams import FORGET, Stream, with_forget

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PretrainedConfig

    from unharness.data.batches import UnlearnBatch
    from unharness.model_types import LanguageModel
    from unharness.unlearning.context import UnlearnContext


_SETTING = re.compile(r"--set (\w+)=(\S+)")


class WrapperMethod(LossMethod):
    """A method around the loss of another one, `self.wrapped`.

    Derive from it, give `base` a default, and change what happens within a step. Hyperparameters of
    the training are the wrapper's, the others the wrapped method's: `base=NAME:SETTING=VALUE,…`.
    Its data, its choice of parameters and what it does after a step stay.
    """

    needs_kept_term = False
    """Whether the wrapped loss must have a term that reads no forget set."""

    class Config(LossMethod.Config):
        """Adds the method that is wrapped."""

        base: str = Field(
            description="the method whose loss is trained, a plain loss: NAME, or "
            "NAME:SETTING=VALUE,… with its own hyperparameters"
        )

    def __init__(self, config: Any) -> None:
        """Make the method that is wrapped; `config.base` is spelled in one way from here on.

        Raises:
            UsageError: it is unknown, has other hyperparameters, or cannot be wrapped.
        """
        self.wrapped = _wrapped(self.name, config)
        own = type(self.wrapped).name
        # Hyperparameters of the training are the wrapper's own, and stand in its own config.
        shared = self.wrapped.config.model_copy(update=_training(type(self.wrapped).Config()))
        settings = changed_settings(shared)
        base = f"{own}:{settings}" if settings else own
        super().__init__(config.model_copy(update={"base": base}))
        self._forgets = [
            any(self._role(name) == FORGET for name in term)
            for term in self.wrapped.streams_by_term()
        ]
        if not any(self._forgets) or (self.needs_kept_term and all(self._forgets)):
            raise UsageError(
                f"method {self.name!r} needs a base whose loss has a term of its own on the "
                f"retain set, which base={own!r} has not with these hyperparameters"
            )

    def streams(self) -> Mapping[str, Stream]:
        """Return the streams of the wrapped method, with advice that fits the wrapper."""
        return {
            name: replace(stream, without=self._advice(stream.without))
            for name, stream in self.wrapped.streams().items()
        }

    def check_model(self, config: PretrainedConfig) -> None:
        """Let the wrapped method refuse the model."""
        self.wrapped.check_model(config)

    def prepare(self, context: UnlearnContext) -> None:
        """Prepare the wrapped method."""
        self.wrapped.prepare(context)

    def select_parameters(self, context: UnlearnContext) -> Collection[str] | None:
        """Return what the wrapped method selects."""
        return self.wrapped.select_parameters(context)

    def loss(self, model: LanguageModel, batch: UnlearnBatch) -> Tensor:
        """Return the wrapped method's loss."""
        return self.wrapped.loss(model, batch)

    def loss_terms(self, model: LanguageModel, batch: UnlearnBatch) -> Iterator[Tensor]:
        """Yield the wrapped method's terms."""
        return self.wrapped.loss_terms(model, batch)

    def forget_terms(self, model: LanguageModel, batch: UnlearnBatch) -> Iterator[Tensor]:
        """Yield the terms that read the forget set; what comes after the last is not computed."""
        last = max(index for index, forgets in enumerate(self._forgets) if forgets)
        for index, term in enumerate(self.wrapped.loss_terms(model, batch)):
            if index < len(self._forgets) and self._forgets[index]:
                yield term
            if index == last:
                return

    def split_terms(self, terms: Sequence[Gradients]) -> tuple[list[Gradients], list[Gradients]]:
        """Return the gradients of the terms that read the forget set, and of the others.

        Raises:
            MethodError: the wrapped loss has more terms than its `streams_by_term` names.
        """
        if len(terms) > len(self._forgets):
            raise MethodError(
                f"{type(self.wrapped).name}: its loss has {len(terms)} terms, its "
                f"streams_by_term() names {len(self._forgets)}"
            )
        pairs = list(zip(self._forgets, terms, strict=False))
        return (
            [term for forgets, term in pairs if forgets],
            [term for forgets, term in pairs if not forgets],
        )

    def restart_pass(self) -> None:
        """Let the wrapped method forget what it saw of the pass."""
        self.wrapped.restart_pass()

    def finish_gradients(self, model: LanguageModel) -> None:
        """Let the wrapped method finish the gradients."""
        self.wrapped.finish_gradients(model)

    def after_step(self, model: LanguageModel) -> None:
        """Let the wrapped method act after the step."""
        self.wrapped.after_step(model)

    def streams_by_term(self) -> Sequence[Collection[str]]:
        """Return those of the wrapped method."""
        return self.wrapped.streams_by_term()

    def gradients_before_training(self) -> tuple[int, int]:
        """Return those of the wrapped method."""
        return self.wrapped.gradients_before_training()

    def _advice(self, text: str) -> str:
        """Return what the wrapped method advises, its hyperparameters given within `base`.

        Where the wrapper needs the term that the advice would leave out, there is none.
        """
        settings = [f"{name}={value}" for name, value in _SETTING.findall(text)]
        if not settings:
            return text
        if self.needs_kept_term:
            return ""
        own, _, given = self.config.base.partition(":")
        base = f"{own}:{','.join(filter(None, [given, *settings]))}"
        return f"{text[: text.index('--set')]}--set base={base}"

    def _role(self, stream: str) -> str:
        return with_forget(self.wrapped.streams())[stream].role


def _training(config: Any) -> dict[str, Any]:
    """Return the hyperparameters of the training."""
    return {name: getattr(config, name) for name in LossMethod.Config.model_fields}


def _wrapped(wrapper: str, config: Any) -> LossMethod:
    from unharness.registry import registry

    flag = f"method {wrapper!r}: base"
    name, settings = parse_named(config.base, flag)
    found = registry().get("methods", name)
    problem = _problem(found)
    if problem:
        raise UsageError(f"{flag}={name!r} {problem}; give a method that is a loss and no more")
    shared = sorted(set(settings) & set(LossMethod.Config.model_fields))
    if shared:
        raise UsageError(f"{flag}: {shared[0]} is a hyperparameter of {wrapper!r}, set it there")
    made: LossMethod = found(
        checked(
            f"method {name!r}",
            found.Config,
            settings,
            defaults=_training(config),
            noun="hyperparameter",
            hint=f". 'unharness methods show {name}' lists what is allowed",
        )
    )
    if made.passes > 1 or made.separate_gradients:
        raise UsageError(f"{flag}={name!r} changes gradients itself; give another method")
    return made


def _problem(found: Any) -> str:
    """Return why a method cannot be wrapped; empty if it can."""
    if not issubclass(found, LossMethod):
        return "has no loss"
    if issubclass(found, WrapperMethod):
        return "is itself around another method"
    if found.unlearn is not LossMethod.unlearn:
        return "trains in a way of its own"
    return ""
