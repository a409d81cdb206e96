"""From what the user asked for to a spec in which nothing is left open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from unharness.checked import checked
from unharness.data.examples import Example, content_hash
from unharness.data.general_text import (
    AUTO,
    BUNDLED,
    HUB_REPOSITORY,
    GeneralText,
    general_split,
    load_general,
)
from unharness.data.recipe import FineTuneConfig, LoraSettings
from unharness.data.sources import HUB, DataSource, is_hub
from unharness.data.task import Task
from unharness.data.task_data import TaskData
from unharness.data.templates import check_template
from unharness.engines.choice import choose_engine
from unharness.engines.engine import Engine
from unharness.errors import UsageError
from unharness.evaluation.columns import Column, resolve_columns
from unharness.evaluation.suite import NONE
from unharness.evaluation.suite_plan import SuitePlan, plan_suite
from unharness.evaluation.uses import Use
from unharness.hub import hub_name
from unharness.models.family import same_model
from unharness.models.source import ModelSource
from unharness.models.trained import TrainingPlace
from unharness.pipeline.attack_chains import AttackChain, attack_chains
from unharness.pipeline.device import find_device, weights_dtype
from unharness.pipeline.engine_pool import engine_options
from unharness.pipeline.given_target import GivenTarget, ModelFinder
from unharness.pipeline.settings import (
    chosen_settings,
    refuse_unused_adapter,
    task_settings,
)
from unharness.plugins import Registry
from unharness.reference_rows import method_of
from unharness.request import RunRequest, results_folder
from unharness.source_hash import source_hash
from unharness.spec import EvaluationSettings, RunSpec
from unharness.stage_specs import digest_of
from unharness.unlearning.context import readable_splits
from unharness.unlearning.method import Method
from unharness.unlearning.presets import Preset, find_preset

EXTERNAL = "external"
"""The method of weights that came from outside."""


@dataclass(frozen=True)
class RunPlan:
    """A run in which nothing is left open."""

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

    def data_with_general(self) -> TaskData:
        """Return the task's data, with the general text that the method was given as a split."""
        if self.general is None:
            return self.data
        return self.data.joined(general_split(self.general.examples))

    @property
    def partial(self) -> bool:
        """Whether the user limited the data; such a run is never ranked."""
        return self.spec.limit is not None or self.spec.limit_train is not None

    def under(self, chain: AttackChain) -> RunPlan:
        """Return the plan of measuring the same unlearned weights under other attacks.

        The weights themselves are kept beside the first chain's record.
        """
        spec = self.spec.changed(
            attacks=chain.uses,
            attack_name=chain.name,
            save_weights=self.spec.save_weights and chain == self.chains[0],
        )
        return replace(self, spec=spec, chain=chain)

    def target_row(self, registry: Registry) -> RunPlan:
        """Return the plan of the target's own row."""
        name = method_of("target", registry)
        method = make_method(registry.get("methods", name), self.base.name, {})
        request = self.request.model_copy(
            update={"method": name, "set": {}, "epochs": None, "lr": None, "batch_size": None}
            | {"save_weights": False, "force": False, "preset": None, "tuned": None}
        )
        # How the target goes on to be tuned says nothing about the target itself.
        facts = _method_fields(method, self.spec.seed, self.data, None)
        facts |= {"tuning": self.spec.target_tuning, "save_weights": False}
        facts |= {"preset": None, "tuned": None}
        if self.spec.target_tuning == "full":
            facts["lora"] = None
        given = self.given and replace(self.given, fresh=None)
        if given:  # what a retrained model starts from says nothing about it either
            facts |= _base_fields(self.base, self.data) | {"target_recipe": {}}
            request = request.model_copy(update={"target_set": {}})
        spec = self.spec.changed(**facts)
        return replace(self, request=request, spec=spec, method=method, general=None, given=given)


def resolve(
    request: RunRequest,
    registry: Registry,
    base: ModelSource | None = None,
    models: ModelFinder | None = None,
) -> RunPlan:
    """Resolve names, hyperparameters, data, model, device and precision.

    Args:
        request: what the user asks for.
        registry: knows the plugins.
        base: the base model, where it is in hand; None: the one that the request names.
        models: finds models, for those who resolve many requests.

    Raises:
        UsageError: a name, a hyperparameter or the device is not what it may be.
        DataError: the data is missing or malformed.
        ModelError: the model is none.
    """
    results = results_folder(request.results)
    if Path(results).exists() and not Path(results).is_dir():
        raise UsageError(f"--results {results}: is a file; give a folder")
    method_class = registry.get("methods", request.method)
    task, uses = _task(request.task, registry)
    device = find_device(request.device)
    engine, why = choose_engine(request.engine, registry, device)
    engine_class: type[Engine] = registry.get("engines", engine)
    engine_options(engine_class, request.engine_set)
    preset = _preset(method_class, request)
    given = request.hyperparameters()
    models = models or ModelFinder(registry)
    target = models.target(request, method_class) if base is None and request.target else None
    if target:
        base = target.weights.base
    elif base is None:
        if request.model in registry.names("models"):  # cheap checks first, then the look-up
            make_method(method_class, request.model, given, preset)
        base = models.base(request.model)
    fresh = target and target.fresh
    family = target.family if target else base.name
    method = make_method(method_class, family, given, preset)
    data = _load(task, request, registry)
    if request.part == "validation":
        data = task.validation_splits(data)
    learned = request.limit_train or base.limit_train
    data = data.limited(learned)
    chains = attack_chains(request, data, registry)
    columns = resolve_columns(uses, {split.name: split for split in data.evaluated()}, registry)
    general = _general(request, method, data, base, registry)
    if general:
        general = replace(general, examples=general.examples[:learned])
    tuning = request.tuning or (target.weights.kind if target else base.tuning)
    target_tuning = target.weights.kind if target else base.target_tuning(tuning)
    settings = chosen_settings(task_settings(task, family, registry), request, target)
    refuse_unused_adapter(request, tuning, target_tuning)
    template = check_template(request.template or task.template or base.template())
    # A default suite that needs the hub would be a surprise for weights from outside.
    default_suite = NONE if target else base.suite or task.suite
    suite = plan_suite(request.suite or default_suite, _folder(request.include_path), registry)
    evaluation = EvaluationSettings(
        metrics=tuple(column.label for column in columns),
        engine=engine,
        engine_options={
            name: value
            for name, value in request.engine_set.items()
            if name in engine_class.identity_options
        },
        max_length=settings.max_length,
        max_new_tokens=settings.max_new_tokens,
        suite=suite.identity() if suite else None,
    )
    dtype = weights_dtype(device, tuning, target_tuning)
    knowledge = (fresh or base).knowledge()[:learned]
    spec = RunSpec.of(
        task=task.name,
        task_version=task.version,
        data_hash=data.content_hash(),
        limit=request.limit,
        limit_train=request.limit_train,
        template=template,
        **_base_fields(fresh or base, data),
        target_hash=target.weights.fingerprint(data) if target else None,
        tuning=tuning,
        target_tuning=target_tuning,
        lora=settings.lora.model_dump() if "lora" in (tuning, target_tuning) else None,
        target_recipe=settings.recipe.model_dump() if fresh or not target else {},
        learned={} if target else {split.name: split.learned_hash() for split in data.learned()},
        knowledge_hash=content_hash(knowledge) if knowledge and not target else None,
        **_method_fields(method, request.seed, data, general),
        dtype=dtype if device == "cpu" else f"{dtype}, bfloat16 autocast",
        evaluation=evaluation,
        model=target.weights.given if target else base.name,
        data=request.data,
        data_source=data.origin.source,
        device=device,
        engine_set=request.engine_set,
        results=results,
        attacks=chains[0].uses,
        attack_name=chains[0].name,
        preset=preset.label if preset else None,
        tuned=request.tuned,
        save_weights=request.save_weights,
    )
    return RunPlan(
        request=_pinned(request, fresh or base, target, data, general),
        spec=spec,
        task=task,
        data=data,
        base=base,
        method=method,
        columns=columns,
        recipe=settings.recipe,
        lora=settings.lora,
        place=TrainingPlace(device, dtype, settings.max_length, template),
        knowledge=knowledge,
        general=general,
        suite=suite,
        engine_class=engine_class,
        engine_reason=why,
        chains=chains,
        chain=chains[0],
        given=target,
    )


def _base_fields(base: ModelSource, data: TaskData) -> dict[str, Any]:
    return {"base_hash": base.fingerprint(data), "model_revision": base.revision}


def _pinned(
    request: RunRequest,
    base: ModelSource,
    target: GivenTarget | None,
    data: TaskData,
    general: GeneralText | None,
) -> RunRequest:
    """Return the request with the commit of everything from the hub.

    Whoever resolves it again, be it another process or next year, gets the same content.
    """
    update = {}
    model = hub_name(request.model)
    if model and base.revision and model.repository == base.name:
        update["model"] = model.at(base.revision)
    if target and target.weights.revision:
        update["target"] = f"{target.weights.given}@{target.weights.revision}"
    if is_hub(request.data) and data.origin.revision:
        update["data"] = f"{HUB}@{data.origin.revision}"
    if general and is_hub(request.general) and general.revision:
        update["general"] = f"{HUB}@{general.revision}"
    return request.model_copy(update=update)


def make_method(
    method_class: type[Method],
    model: str,
    given: Mapping[str, Any],
    preset: Preset | None = None,
) -> Method:
    """Return the method with its hyperparameters: its own, a preset's or its model's, the user's.

    Raises:
        UsageError: a hyperparameter is unknown, of the wrong type, or out of bounds.
    """
    name = method_class.name
    config = checked(
        f"method {name!r}",
        method_class.Config,
        given,
        defaults=preset.settings if preset else method_class.defaults_for(model),
        noun="hyperparameter",
        hint=f". 'unharness methods show {name}' lists what is allowed",
    )
    return method_class(config)


def _folder(path: str | None) -> Path | None:
    return Path(path).expanduser() if path is not None else None


def _task(name: str, registry: Registry) -> tuple[Task, tuple[Use, ...]]:
    """Return a task and what it measures.

    Raises:
        UnknownNameError: nothing is registered under the name.
        PluginError: the task raises; names it.
    """
    task_class = registry.get("tasks", name)
    with registry.named("tasks", name):
        task: Task = task_class()
        return task, tuple(task.metrics)


def _load(task: Task, request: RunRequest, registry: Registry) -> TaskData:
    with registry.named("tasks", task.name):
        data: Any = task.load(DataSource(request.data))
        if not isinstance(data, TaskData):
            raise TypeError(f"load() gave {type(data).__name__}, not TaskData")
        data.require_forget_split()
        return data


def _preset(method_class: type[Method], request: RunRequest) -> Preset | None:
    if request.preset is None:
        return None
    return find_preset(
        method_class.presets,
        request.preset,
        method=method_class.name,
        task=request.task,
        is_model=partial(same_model, request.model),
    )


def _general(
    request: RunRequest, method: Method, data: TaskData, base: ModelSource, registry: Registry
) -> GeneralText | None:
    """Return the general text that a method wants: the user's, the task's, or the model's own.

    Raises:
        UsageError: there is none; says where to get some.
    """
    with registry.named("methods", method.name):
        roles = {stream.role for stream in method.streams().values()}
    if "general" not in roles:
        return None
    if request.general != AUTO:
        found = load_general(request.general)
    elif own := data.trainable("general"):
        rows = tuple(row for split in own for row in split.examples)
        found = GeneralText(rows, f"the task's own ({data.origin.description})")
    elif base.knowledge():
        found = load_general(BUNDLED)
    else:
        raise UsageError(
            f"method {method.name!r} needs general text, and neither the task nor "
            f"{base.name} brings any: give --general FILE (JSON, JSON lines or plain text), "
            f"--general hub ({HUB_REPOSITORY}), or --general bundled (300 facts)"
        )
    return found


def _method_fields(
    method: Method, seed: int, data: TaskData, general: GeneralText | None
) -> dict[str, Any]:
    return {
        "method": method.name,
        "method_version": method.version,
        "method_source": source_hash(type(method)),
        "config": method.config.model_dump(mode="json"),
        "seed": seed if method.seeded else 0,
        "streams": _streams(method, data, general),
    }


def _streams(method: Method, data: TaskData, general: GeneralText | None) -> dict[str, str]:
    """Return the hash of what a method may read, by split."""
    if not method.trains:
        return {}
    given = data.joined(general_split(general.examples)) if general else data
    readable = readable_splits(given, method).splits.values()
    return {
        split.name: digest_of([row.content() for row in split.examples])
        for split in readable
        if split.role != "general" or general
    }
