"""What loggers are given of a run: its settings, and the numbers of its record."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from unharness.loggers.logger import LoggedRun, Setting
from unharness.records.record import RunRecord
from unharness.records.spec import RunSpec

ID_DIGITS = 8
COSTS = ("train_seconds", "seconds_per_step", "tokens_per_second", "peak_memory_gb")


def logged_run(spec: RunSpec) -> LoggedRun:
    """Return what a logger is told of a run at its beginning."""
    title = f"{spec.method} seed {spec.seed} {spec.run_id()[:ID_DIGITS]}"
    if spec.attacks:
        title += f" {spec.attack_name}"
    group = f"{spec.task}/{spec.model}"
    return LoggedRun(spec.run_id(), title, group, run_settings(spec), spec)


def run_settings(spec: RunSpec) -> dict[str, Setting]:
    """Return a run's settings by name: flat, each a text, a number or a truth value."""
    facts: dict[str, Any] = {
        **spec.config,
        **{f"lora.{name}": value for name, value in (spec.lora or {}).items()},
        **{f"target.{name}": value for name, value in spec.target_recipe.items()},
        "method": spec.method,
        "task": spec.task,
        "model": spec.model,
        "tuning": spec.tuning,
        "seed": spec.seed,
        "attack": spec.attack_name,
        "template": spec.template,
        "data_source": spec.data_source,
        "data_hash": spec.data_hash,
        "run_id": spec.run_id(),
    }
    return {name: _setting(value) for name, value in facts.items() if value is not None}


def _setting(value: Any) -> Setting:
    return value if isinstance(value, (str, int, float, bool)) else json.dumps(value, default=str)


def step_values(values: Mapping[str, float]) -> dict[str, float]:
    """Return what a step reports under the names of a log, without what is no number."""
    return {f"train/{name}": value for name, value in values.items() if math.isfinite(value)}


def final_values(record: RunRecord) -> dict[str, float]:
    """Return the metrics of a record with the ends of their intervals, and what it cost."""
    found: dict[str, float] = {}
    for label, metric in record.metrics.items():
        if metric.value is None:
            continue
        found[f"metrics/{label}"] = metric.value
        if metric.ci95 is not None:
            found[f"metrics/{label}/low"], found[f"metrics/{label}/high"] = metric.ci95
    costs = {name: getattr(record.cost, name) for name in COSTS}
    return found | {f"cost/{name}": value for name, value in costs.items() if value is not None}
