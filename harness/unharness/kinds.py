"""The kinds of classes that plugins bring: one row each.

A row is all that a new kind needs: its hook `unharness_<kind>`, its registry, `unharness <kind>`
with `list` and `show`, and its place in `unharness plugins` follow from it. Classes and functions
are named, not imported: this ground floor knows nothing of the rooms above.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_DESCRIBE = "unharness.cli.describe:"


@dataclass(frozen=True)
class Kind:
    """One kind."""

    base: str
    """The class that its members derive from, as `module:Class`."""
    words: str
    """What its members are called, in the plural."""
    attributes: tuple[str, ...] = ()
    """Class attributes that `show` shows, in their order."""
    facts: str = ""
    """What else `show` shows: `module:function` from a class and the registry to JSON values."""
    settings: str = "hyperparameters (--set NAME=VALUE)"
    """What `show` writes above the settings that `facts` returns."""
    columns: Mapping[str, Any] = field(default_factory=dict)
    """What else the list shows, by name, and what stands there where nothing is known; `family`
    groups it. Of a Ref it is the Ref's `listed`, so that no class is imported."""
    listed: str = ""
    """The same of a class: `module:function` from it to JSON values."""


KINDS: dict[str, Kind] = {
    "methods": Kind(
        "unharness.unlearning.method:Method",
        "unlearning methods",
        ("version", "seeded", "family", "threat_model"),
        _DESCRIBE + "method_facts",
        columns={"family": "", "needs": [], "evidence": []},
        listed=_DESCRIBE + "listed_method",
    ),
    "attacks": Kind(
        "unharness.attacks.attack:Attack",
        "attacks",
        ("version", "changes_weights"),
        _DESCRIBE + "attack_facts",
        "settings (--attack NAME:SETTING=VALUE,…)",
    ),
    "tasks": Kind(
        "unharness.data.task:Task",
        "tasks",
        ("version", "headline", "forget_axis", "retain_axes"),
        _DESCRIBE + "task_facts",
        "parameters (--task NAME:PARAMETER=VALUE,…)",
    ),
    "metrics": Kind(
        "unharness.evaluation.metric:Metric",
        "metrics",
        ("version", "unit", "direction", "formula", "good", "traps"),
        _DESCRIBE + "metric_facts",
        "parameters (set by a task)",
    ),
    "observers": Kind("unharness.evaluation.observer:Observer", "observers"),
    "logs": Kind(
        "unharness.evaluation.logs:LogReader", "formats of evaluation logs", ("citation",)
    ),
    "suites": Kind(
        "unharness.evaluation.suite:Suite", "suites of general knowledge", ("tasks", "offline")
    ),
    "engines": Kind(
        "unharness.engines.engine:Engine",
        "text generation engines",
        facts=_DESCRIBE + "option_facts",
        settings="options (--engine-set NAME=VALUE)",
    ),
    "models": Kind(
        "unharness.models.preset:ModelPreset",
        "model presets",
        ("version", "tuning", "target_tuning"),
    ),
    "loggers": Kind(
        "unharness.loggers.logger:Logger", "loggers of runs (--log NAME)", ("library", "install")
    ),
    "executors": Kind(
        "unharness.sweeps.executors.executor:Executor",
        "executors of sweeps",
        facts=_DESCRIBE + "option_facts",
        settings="options",
    ),
}
"""By name, in the plural: the name of its command and of its hook."""
