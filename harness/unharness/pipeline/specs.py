"""The specs of a run: each holds the one before it, and what its own stage depends on."""

from __future__ import annotations

from unharness.data.examples import content_hash
from unharness.pipeline.data_choice import RunData
from unharness.pipeline.measures import Measures
from unharness.pipeline.method_choice import method_facts
from unharness.pipeline.model_choice import RunModels
from unharness.pipeline.named_plugins import NamedPlugins
from unharness.pipeline.settings import RunSettings
from unharness.records.spec import RunSpec
from unharness.records.stage_specs import (
    AttackSpec,
    ObserveSpec,
    RuntimeFacts,
    ScoreSpec,
    TargetSpec,
    UnlearnSpec,
)
from unharness.request import RunRequest, results_folder
from unharness.unlearning.method import Method


def run_spec(
    request: RunRequest,
    plugins: NamedPlugins,
    models: RunModels,
    method: Method,
    settings: RunSettings,
    data: RunData,
    measures: Measures,
) -> RunSpec:
    """Return the spec of a run, under the first of its chains of attacks."""
    given, lora = models.given, settings.lora.model_dump()
    learned = {} if given else {one.name: one.learned_hash() for one in data.splits.learned()}
    target = TargetSpec(
        base_hash=models.fresh.fingerprint(data.splits),
        learned=learned,
        knowledge_hash=content_hash(data.knowledge) if data.knowledge and not given else None,
        recipe={} if given and not given.fresh else settings.recipe.model_dump(),
        tuning=models.target_tuning,
        lora=lora if models.target_tuning == "lora" else None,
        template=settings.place.template,
        max_length=settings.place.max_length,
        dtype=settings.place.types,
        given_hash=given.weights.fingerprint(data.splits) if given else None,
    )
    unlearn = UnlearnSpec(
        target=target,
        tuning=models.tuning,
        lora=lora if models.tuning == "lora" else None,
        **method_facts(method, request.seed, data.with_general, general=data.general is not None),
    )
    observe = ObserveSpec(
        attacked=AttackSpec(unlearn=unlearn, attacks=measures.chains[0].uses),
        task=plugins.task.full_name,
        task_version=plugins.task.version,
        data_hash=data.splits.content_hash(),
        limit=request.limit,
        engine=plugins.engine.name,
        engine_options={
            name: value
            for name, value in request.engine_set.items()
            if name in plugins.engine.identity_options
        },
        max_new_tokens=settings.max_new_tokens,
        suite=dict(measures.suite.identity) if measures.suite else None,
        observers=dict(measures.observers),
    )
    labels = tuple(column.label for column in measures.columns)
    runtime = RuntimeFacts(
        model=given.weights.given if given else models.base.name,
        model_revision=models.fresh.revision,
        data=request.data,
        data_source=data.splits.origin.source,
        device=settings.place.device,
        limit_train=request.limit_train,
        engine_set=request.engine_set,
        results=results_folder(request.results),
        attack_name=measures.chains[0].name,
        preset=plugins.preset.label if plugins.preset else None,
        tuned=request.tuned,
        save_weights=request.save_weights,
    )
    return RunSpec(score=ScoreSpec(observe=observe, metrics=labels), runtime=runtime)
