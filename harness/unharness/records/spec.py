"""A run, resolved: the specs of its stages, and the facts that identify nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, model_serializer, model_validator

from unharness.records.stage_specs import (
    AttackSpec,
    AttackUse,
    ObserveSpec,
    RuntimeFacts,
    ScoreSpec,
    Spec,
    TargetSpec,
    Tuning,
    UnlearnSpec,
)


class EvaluationSettings(Spec):
    """How a run is evaluated, in one piece."""

    metrics: tuple[str, ...]
    engine: str
    engine_options: dict[str, Any] = Field(default_factory=dict)
    max_length: int = 256
    """Of question and answer, in tokens; what a wrapper adds comes on top."""
    max_new_tokens: int = 96
    suite: dict[str, Any] | None = None
    observers: dict[str, int] = Field(default_factory=dict)
    """By observer of the task's metrics: its version, where that is above 1."""
    bootstrap_seed: int = 0


class RunSpec(Spec):
    """A run, resolved: the nested specs, and facts that identify nothing."""

    score: ScoreSpec
    runtime: RuntimeFacts

    @classmethod
    def of(cls, **facts: Any) -> RunSpec:
        """Return the spec of a run from its facts by name, as `facts` returns them.

        Raises:
            pydantic.ValidationError: a fact is missing, unknown, or of the wrong type.
        """
        return cls.model_validate(facts)

    @model_validator(mode="before")
    @classmethod
    def _nest(cls, value: Any) -> Any:
        """Sort flat facts into the nested specs that they belong to."""
        if not isinstance(value, Mapping) or "score" in value:
            return value
        given = dict(value)
        evaluation = EvaluationSettings.model_validate(given.pop("evaluation", None))
        lora = given.pop("lora", None)
        target_tuning = given.pop("target_tuning", None)
        target = {
            "recipe": given.pop("target_recipe", {}),
            "given_hash": given.pop("target_hash", None),
            "tuning": target_tuning,
            "lora": lora if target_tuning == "lora" else None,
            "max_length": evaluation.max_length,
            **_taken(given, ("base_hash", "learned", "knowledge_hash", "template", "dtype")),
        }
        tuning = given.pop("tuning", None)
        names = ("method", "method_version", "method_source", "config", "seed", "streams")
        unlearn = {
            "target": target,
            "tuning": tuning,
            "lora": lora if tuning == "lora" else None,
            **_taken(given, names),
        }
        observe = {
            "attacked": {"unlearn": unlearn, "attacks": given.pop("attacks", ())},
            "engine": evaluation.engine,
            "engine_options": evaluation.engine_options,
            "max_new_tokens": evaluation.max_new_tokens,
            "suite": evaluation.suite,
            "observers": evaluation.observers,
            **_taken(given, ("task", "task_version", "data_hash", "limit")),
        }
        score = {
            "observe": observe,
            "metrics": evaluation.metrics,
            "bootstrap_seed": evaluation.bootstrap_seed,
        }
        return {"score": score, "runtime": given}

    @model_serializer
    def _flat(self) -> dict[str, Any]:
        return self.facts()

    def facts(self) -> dict[str, Any]:
        """Return every fact by name, flat; `of` makes an equal spec of them."""
        return {name: getattr(self, name) for name in FACTS} | dict(self.runtime)

    def changed(self, **facts: Any) -> RunSpec:
        """Return the spec of a run that differs in some facts, made anew and checked."""
        return RunSpec.of(**{**self.facts(), **facts})

    def run_id(self) -> str:
        """Return the hash of what decides the evaluated model, 16 hexadecimal digits."""
        return self.attacked.run_id()

    def unattacked_id(self) -> str:
        """Return the id of the run without its attacks."""
        return self.attacked.model_copy(update={"attacks": ()}).run_id()

    def evaluation_id(self) -> str:
        """Return the hash of how it is observed, 16 hexadecimal digits."""
        return self.observe.evaluation_id()

    @property
    def general_hash(self) -> str | None:
        """Of the general text that the method was given; None where it wants none."""
        return self.streams.get("general")

    def limits(self) -> str:
        """Return in words how the data is limited; empty where it is not."""
        parts = {"evaluates": self.limit, "trains on": self.limit_train}
        found = [f"{verb} {count}" for verb, count in parts.items() if count is not None]
        return f"{' and '.join(found)} examples of each split: never ranked" if found else ""

    @property
    def observe(self) -> ObserveSpec:
        """What decides the observations."""
        return self.score.observe

    @property
    def attacked(self) -> AttackSpec:
        """What decides the evaluated model."""
        return self.score.observe.attacked

    @property
    def attacks(self) -> tuple[AttackUse, ...]:
        """The attacks, in their order."""
        return self.score.observe.attacked.attacks

    @property
    def unlearn(self) -> UnlearnSpec:
        """What decides the unlearned weights."""
        return self.score.observe.attacked.unlearn

    @property
    def target(self) -> TargetSpec:
        """What decides the target model."""
        return self.score.observe.attacked.unlearn.target

    @property
    def evaluation(self) -> EvaluationSettings:
        """How the run is evaluated."""
        return EvaluationSettings(
            metrics=self.score.metrics,
            engine=self.observe.engine,
            engine_options=self.observe.engine_options,
            max_length=self.target.max_length,
            max_new_tokens=self.observe.max_new_tokens,
            suite=self.observe.suite,
            observers=self.observe.observers,
            bootstrap_seed=self.score.bootstrap_seed,
        )

    @property
    def task(self) -> str:
        """The task's name."""
        return self.observe.task

    @property
    def task_version(self) -> int:
        """The task's version."""
        return self.observe.task_version

    @property
    def data_hash(self) -> str:
        """SHA-256 of all splits."""
        return self.observe.data_hash

    @property
    def limit(self) -> int | None:
        """Examples of each split that are evaluated; None for all."""
        return self.observe.limit

    @property
    def method(self) -> str:
        """The method's name."""
        return self.unlearn.method

    @property
    def method_version(self) -> int:
        """The method's version."""
        return self.unlearn.method_version

    @property
    def method_source(self) -> str:
        """Hash of the method's code."""
        return self.unlearn.method_source

    @property
    def config(self) -> dict[str, Any]:
        """The method's hyperparameters."""
        return self.unlearn.config

    @property
    def seed(self) -> int:
        """The seed."""
        return self.unlearn.seed

    @property
    def tuning(self) -> Tuning:
        """How the method tunes."""
        return self.unlearn.tuning

    @property
    def streams(self) -> dict[str, str]:
        """Split to the hash of what the method may read of it."""
        return self.unlearn.streams

    @property
    def base_hash(self) -> str:
        """Of the base model."""
        return self.target.base_hash

    @property
    def learned(self) -> dict[str, str]:
        """Split to the hash of what the target learns."""
        return self.target.learned

    @property
    def knowledge_hash(self) -> str | None:
        """Of what it learns besides."""
        return self.target.knowledge_hash

    @property
    def template(self) -> str:
        """How questions and answers are joined."""
        return self.target.template

    @property
    def dtype(self) -> str:
        """Of the weights."""
        return self.target.dtype

    @property
    def target_tuning(self) -> Tuning:
        """How the target model learned."""
        return self.target.tuning

    @property
    def target_recipe(self) -> dict[str, Any]:
        """How the target model is trained; empty where it was given."""
        return self.target.recipe

    @property
    def target_hash(self) -> str | None:
        """Of the weights that were given as the target; None where it is trained."""
        return self.target.given_hash

    @property
    def lora(self) -> dict[str, Any] | None:
        """The adapter's settings, where target or method use one."""
        return self.unlearn.lora or self.target.lora

    @property
    def model(self) -> str:
        """Name, folder or hub id, as the user gave it."""
        return self.runtime.model

    @property
    def model_revision(self) -> str | None:
        """The model's commit on the hub."""
        return self.runtime.model_revision

    @property
    def data(self) -> str:
        """Where the data was asked for."""
        return self.runtime.data

    @property
    def data_source(self) -> str:
        """Where the data came from."""
        return self.runtime.data_source

    @property
    def device(self) -> str:
        """The device."""
        return self.runtime.device

    @property
    def limit_train(self) -> int | None:
        """Examples of each split that exist for this run; None for all."""
        return self.runtime.limit_train

    @property
    def engine_set(self) -> dict[str, Any]:
        """The engine's options as the user gave them."""
        return self.runtime.engine_set

    @property
    def results(self) -> str:
        """The folder of records."""
        return self.runtime.results

    @property
    def attack_name(self) -> str:
        """What the attacks are called together; `none` where there are none."""
        return self.runtime.attack_name

    @property
    def preset(self) -> str | None:
        """Where the hyperparameters came from, if from a preset."""
        return self.runtime.preset

    @property
    def tuned(self) -> int | None:
        """How many trials chose the hyperparameters, if tuning did."""
        return self.runtime.tuned

    @property
    def save_weights(self) -> bool:
        """Whether the weights are kept beside the record."""
        return self.runtime.save_weights


FACTS = (
    *("task", "task_version", "data_hash", "limit", "method", "method_version", "method_source"),
    *("config", "seed", "tuning", "streams", "base_hash", "learned", "knowledge_hash", "template"),
    *("dtype", "target_tuning", "target_recipe", "target_hash", "lora", "evaluation"),
    "attacks",
)
"""Names of the facts that identify a run, its evaluation or its numbers."""


def _taken(given: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: given.pop(name) for name in names if name in given}
