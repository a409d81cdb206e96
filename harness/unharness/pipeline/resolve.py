"""Resolves a user's request to a complete spec."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from unharness.data.examples import content_hash
from unharness.data.general_text import GeneralText
from unharness.data.sources import HUB, is_hub
from unharness.data.task_data import TaskData
from unharness.data.templates import check_template
from unharness.engines.choice import choose_engine
from unharness.engines.engine import Engine
from unharness.errors import UsageError
from unharness.evaluation.columns import observer_versions, resolve_columns
from unharness.evaluation.suite import NONE
from unharness.models.source import ModelSource
from unharness.models.trained import TrainingPlace
from unharness.pipeline.attack_chains import attack_chains
from unharness.pipeline.data_choice import find_general, find_task, load_data
from unharness.pipeline.device import find_device, weights_dtype
from unharness.pipeline.engine_pool import engine_options
from unharness.pipeline.given_target import GivenTarget, ModelFinder
from unharness.pipeline.method_choice import chosen_preset, make_method, method_facts
from unharness.pipeline.run_plan import RunPlan
from unharness.pipeline.settings import (
    chosen_settings,
    refuse_unused_adapter,
    task_settings,
)
from unharness.pipeline.suite_choice import find_suite
from unharness.pipeline.target_row import with_target_row
from unharness.records.spec import EvaluationSettings, RunSpec
from unharness.registry import Registry
from unharness.request import RunRequest, results_folder


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
    device = find_device(request.device)
    engine, why = choose_engine(request.engine, device)
    task, uses = find_task(request.task, registry)
    method_class = registry.get("methods", request.method)
    engine_class: type[Engine] = registry.get("engines", engine)
    engine_options(engine_class, request.engine_set)
    preset = chosen_preset(method_class, request)
    models = models or ModelFinder(registry)
    target = models.target(request, method_class) if base is None and request.target else None
    if target:
        base = target.weights.base
    elif base is None:
        base = models.base(request.model)
    fresh = target and target.fresh
    family = target.family if target else base.name
    method = make_method(method_class, family, request.hyperparameters(), preset)
    data = load_data(task, request.data, registry)
    if request.eval_split == "validation":
        data = task.validation_splits(data)
    data = data.without_own(
        template=request.template is not None,
        max_new_tokens=request.max_new_tokens is not None,
    )
    learned = request.limit_train or base.limit_train
    data = data.limited(learned)
    evaluated = {split.name: split for split in data.evaluated()}
    chains = attack_chains(request.attack, request.prompt, data, registry)
    columns = resolve_columns(uses, evaluated, registry)
    general = find_general(request, method, data, base, registry)
    if general:
        general = replace(general, examples=general.examples[:learned])
    tuning = request.tuning or (target.weights.kind if target else base.tuning)
    target_tuning = target.weights.kind if target else base.target_tuning(tuning)
    refuse_unused_adapter(request, tuning, target_tuning)
    own = task_settings(task, family, target_tuning, registry)
    settings = chosen_settings(own, request, target)
    template = check_template(request.template or task.template or base.template())
    # A default suite that needs the hub would be a surprise for weights from outside.
    default_suite = NONE if target else base.suite or task.suite
    suite = find_suite(request, default_suite, device, registry)
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
        suite=dict(suite.identity) if suite else None,
        observers=observer_versions(columns, registry),
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
        **(fresh or base).facts(data),
        target_hash=target.weights.fingerprint(data) if target else None,
        tuning=tuning,
        target_tuning=target_tuning,
        lora=settings.lora.model_dump() if "lora" in (tuning, target_tuning) else None,
        target_recipe=settings.recipe.model_dump() if fresh or not target else {},
        learned={} if target else {split.name: split.learned_hash() for split in data.learned()},
        knowledge_hash=content_hash(knowledge) if knowledge and not target else None,
        **method_facts(method, request.seed, data, general),
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
    plan = RunPlan(
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
    return with_target_row(plan, registry)


def _pinned(
    request: RunRequest,
    base: ModelSource,
    target: GivenTarget | None,
    data: TaskData,
    general: GeneralText | None,
) -> RunRequest:
    """Return the request with the commit of everything from the hub.

    Resolving it again, in another process or next year, gives the same content.
    """
    update = {}
    if base.revision and request.model.partition("@")[0] == base.name:
        update["model"] = f"{base.name}@{base.revision}"
    if target and target.weights.revision:
        update["target"] = f"{target.weights.given}@{target.weights.revision}"
    if is_hub(request.data) and data.origin.revision:
        update["data"] = f"{HUB}@{data.origin.revision}"
    if general and is_hub(request.general) and general.revision:
        update["general"] = f"{HUB}@{general.revision}"
    return request.model_copy(update=update)
