"""A fully resolved run: its spec, and the objects that the stages work with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from unharness.data.examples import Example
from unharness.data.general_text import GeneralText
from unharness.data.recipe import FineTuneConfig, LoraSettings
from unharness.data.task import Task
from unharness.data.task_data import TaskData
from unharness.engines.engine import Engine
from unharness.evaluation.columns import Column
from unharness.evaluation.suite_plan import SuitePlan
from unharness.loggers.listening import log_folder
from unharness.loggers.logger import Logger
from unharness.models.source import ModelSource
from unharness.models.trained import TrainingPlace
from unharness.pipeline.attack_chains import AttackChain
from unharness.pipeline.data_choice import RunData
from unharness.pipeline.device import slow_precision_note
from unharness.pipeline.measures import Measures
from unharness.pipeline.model_choice import GivenTarget, RunModels
from unharness.pipeline.named_plugins import NamedPlugins
from unharness.pipeline.settings import RunSettings
from unharness.records.spec import RunSpec
from unharness.request import RunRequest
from unharness.unlearning.method import Method

EXTERNAL = "external"
"""The method of weights that came from outside."""


@dataclass(frozen=True)
class RunPlan:
    """A fully resolved run."""

    request: RunRequest
    spec: RunSpec
    task: Task
    data: TaskData
    base: ModelSource
    method: Method
    columns: tuple[Column, ...]
    """What is measured."""
    recipe: FineTuneConfig
    lora: LoraSettings
    place: TrainingPlace
    knowledge: tuple[Example, ...]
    """What every model learns besides the task's facts."""
    general: GeneralText | None
    """What a method wants that keeps to general text."""
    data_with_general: TaskData
    """The task's data, with the general text that the method is given as a split."""
    suite: SuitePlan | None
    """What measures general knowledge."""
    engine_class: type[Engine]
    """What generates text."""
    engine_reason: str
    """Why it is this engine."""
    chains: tuple[AttackChain, ...]
    """The attacks that the same unlearned weights are measured under, a record each."""
    chain: AttackChain
    """The one of them that the spec holds."""
    given: GivenTarget | None = None
    """The target, where the user gives it; None where it is trained on `base`."""
    loggers: tuple[type[Logger], ...] = ()
    """What is told of the run."""
    target_row: RunPlan | None = None
    """The plan of the target's own record, under the same attacks; None in that plan itself."""

    @classmethod
    def of(
        cls,
        request: RunRequest,
        spec: RunSpec,
        plugins: NamedPlugins,
        models: RunModels,
        method: Method,
        settings: RunSettings,
        data: RunData,
        measures: Measures,
    ) -> RunPlan:
        """Return the plan of a run from what was chosen for it, without its target's own row."""
        return cls(
            request=request,
            spec=spec,
            task=plugins.task,
            data=data.splits,
            base=models.base,
            method=method,
            columns=measures.columns,
            recipe=settings.recipe,
            lora=settings.lora,
            place=settings.place,
            knowledge=data.knowledge,
            general=data.general,
            data_with_general=data.with_general,
            suite=measures.suite,
            engine_class=plugins.engine,
            engine_reason=plugins.engine_reason,
            chains=measures.chains,
            chain=measures.chains[0],
            given=models.given,
            loggers=plugins.loggers,
        )

    @property
    def target_recipe(self) -> FineTuneConfig | None:
        """How the target learned; None where that is unknown, and so no part of the identity."""
        return self.recipe if self.spec.target_recipe else None

    @property
    def learns(self) -> bool:
        """Whether the target learns anything; else it is the base model."""
        return bool(self.data.learned() or self.knowledge)

    @property
    def partial(self) -> bool:
        """Whether the user limited the data; such a run is never ranked."""
        return self.spec.limit is not None or self.spec.limit_train is not None

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know before anything is run."""
        origin = self.data.origin
        logs = [kind.place(log_folder(self.spec.results, kind)) for kind in self.loggers]
        found = (origin.standin_note(), *origin.notes, slow_precision_note(self.place), *logs)
        return tuple(note for note in found if note)

    @cached_property
    def rows(self) -> tuple[RunPlan, ...]:
        """The plan of every record that the run leaves: one for each chain of attacks."""
        return tuple(self._under(chain) for chain in self.chains)

    @property
    def rows_with_target(self) -> tuple[RunPlan, ...]:
        """The plans of these records, and those of the target's own under each chain."""
        return self.rows + tuple(row.target_row for row in self.rows if row.target_row)

    def _under(self, chain: AttackChain) -> RunPlan:
        """Return the plan of measuring the same unlearned weights under other attacks.

        The weights themselves are kept beside the first chain's record.
        """
        spec = self.spec.changed(
            attacks=chain.uses,
            attack_name=chain.name,
            save_weights=self.spec.save_weights and chain == self.chains[0],
        )
        target_row = self.target_row and self.target_row._under(chain)
        return replace(self, spec=spec, chain=chain, target_row=target_row)
