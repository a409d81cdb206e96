"""Resolves a user's request: to a complete spec, and to the objects that its stages work with."""

from __future__ import annotations

from pathlib import Path

from unharness.data.named_files import pinned
from unharness.data.recipe import Precision
from unharness.data.sources import HUB, is_hub
from unharness.errors import UsageError
from unharness.models.source import ModelSource
from unharness.pipeline.data_choice import RunData, choose_data
from unharness.pipeline.device import find_device
from unharness.pipeline.measures import choose_measures
from unharness.pipeline.method_choice import make_method
from unharness.pipeline.model_choice import ModelFinder, RunModels
from unharness.pipeline.named_plugins import named_plugins
from unharness.pipeline.published_weights import with_published_target
from unharness.pipeline.run_plan import RunPlan
from unharness.pipeline.settings import choose_settings
from unharness.pipeline.specs import run_spec
from unharness.pipeline.target_row import with_target_row
from unharness.registry import Registry
from unharness.request import RunRequest, results_folder


def resolve(
    request: RunRequest,
    registry: Registry,
    base: ModelSource | None = None,
    finder: ModelFinder | None = None,
) -> RunPlan:
    """Settle everything that a run depends on: what costs nothing first, then models, then data.

    Args:
        request: what the user asks for.
        registry: knows the plugins.
        base: the base model, where it is in hand; None: the one that the request names.
        finder: finds models, for those who resolve many requests.

    Raises:
        UsageError: a name, a hyperparameter or the device is not what it may be.
        DataError: the data is missing or malformed.
        ModelError: the model is none.
        PluginError: a plugin cannot be loaded, or fails; names it.
    """
    _refuse_file(results_folder(request.results))
    request = with_published_target(request, registry)
    device = find_device(request.device)
    plugins = named_plugins(request, device, registry)
    finder = finder or ModelFinder(registry)
    models = finder.models(request, plugins.method, base)
    method = make_method(
        plugins.method,
        models.family,
        request.hyperparameters(),
        plugins.preset,
        models.tuning,
    )
    settings = choose_settings(request, plugins.task, device, models, registry)
    data = choose_data(request, plugins.task, method, models, registry)
    suite = models.suite or plugins.task.suite
    measures = choose_measures(request, plugins.uses, data, suite, device, registry)
    spec = run_spec(request, plugins, models, method, settings, data, measures)
    plan = RunPlan.of(
        _pinned(request, models, data, settings.place.precision),
        spec,
        plugins,
        models,
        method,
        settings,
        data,
        measures,
    )
    return with_target_row(plan, registry)


def _refuse_file(results: str) -> None:
    """Refuse a file as the folder of records.

    Raises:
        UsageError: it is one.
    """
    if Path(results).exists() and not Path(results).is_dir():
        raise UsageError(f"--results {results}: is a file; give a folder")


def _pinned(
    request: RunRequest, models: RunModels, data: RunData, precision: Precision
) -> RunRequest:
    """Return the request with the commit of everything from the hub, and the precision.

    Resolving it again, in another process, on another machine or next year, gives the same run.
    """
    update: dict[str, str] = {"precision": precision}
    fresh, given, origin, general = models.fresh, models.given, data.splits.origin, data.general
    if fresh.revision and request.model.partition("@")[0] == fresh.name:
        update["model"] = f"{fresh.name}@{fresh.revision}"
    if given and given.weights.revision:
        update["target"] = f"{given.weights.given}@{given.weights.revision}"
    if is_hub(request.data) and origin.revision:
        update["data"] = f"{HUB}@{origin.revision}"
    for name in ("data", "retain"):
        text = getattr(request, name)
        if (found := pinned(text, origin.datasets)) and found != text:
            update[name] = found
    if general and is_hub(request.general) and general.revision:
        update["general"] = f"{HUB}@{general.revision}"
    return request.model_copy(update=update)
