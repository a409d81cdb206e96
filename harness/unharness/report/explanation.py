"""What a column means: its formula, what a good value is, its traps; by metric or by label."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from unharness.errors import PluginError, UnknownNameError
from unharness.evaluation.columns import GENERAL_AVERAGE, GENERAL_PREFIX
from unharness.evaluation.composites import FORMULAS
from unharness.evaluation.metric import Metric
from unharness.evaluation.uses import Composite, MetricUse, Use, direction_of, uses_of
from unharness.named_settings import bare_name
from unharness.registry import Registry
from unharness.report.closeness import CLOSENESS
from unharness.report.closeness_columns import NAMES

_PART = "1 − (d(m) − z) / (d(far) − z), from 0 to 1; d(m) is the mean over examples of |a(m) − r|"
_CLOSENESS_TRAPS = (
    "It needs two retrained models at least, the target and the base model in the same results; "
    "'unharness sweep' makes them.",
    "A split on which the far model is less than two standard errors away is left out and named.",
    "It says how near a model is to the retrained one on these questions, not under attack.",
)
OWN: Mapping[str, Mapping[str, Any]] = {
    CLOSENESS: {
        "summary": "How near a model is to the retrained one, in what it knows and what it says.",
        "unit": "%",
        "direction": "higher",
        "formula": f"100 · harmonic mean of four parts (forget and retain, known and said), each "
        f"{_PART}, a the share of answer tokens predicted (known) or ROUGE-L F1 of the generated "
        "answer (said), r its mean over the retrained models, z the same distance between them; "
        "far is the target on forget splits, the base model on retain splits",
        "good": "100: as the retrained model. 0: as the target, or as a model that collapsed.",
        "traps": _CLOSENESS_TRAPS,
    },
    "part of closeness": {
        "summary": "One of the four parts of closeness.",
        "unit": "%",
        "direction": "higher",
        "formula": f"100 · {_PART}",
        "good": "100: as the retrained model; 0: as the target (forget), or the base model "
        "(retain).",
        "traps": _CLOSENESS_TRAPS[1:],
    },
    GENERAL_AVERAGE: {
        "summary": "Mean over the tasks of the suite of general knowledge.",
        "unit": "%",
        "direction": "higher",
        "formula": "mean over the suite's tasks of the metric that each task names",
        "good": "The target's value: tables show the change against it, paired by question.",
        "traps": (
            "Chance is not 0: four choices give 25%.",
            "A suite that is asked in part (n=…) has wide intervals; suites cannot be compared.",
        ),
    },
    GENERAL_PREFIX: {
        "summary": "A task of general knowledge, by lm-eval.",
        "unit": "%",
        "direction": "higher",
        "formula": "lm-eval's own metric of the task, such as acc or exact_match",
        "good": "The target's value: tables show the change against it, paired by question.",
        "traps": ("Chance is not 0 where answers are choices.",),
    },
}
"""What stands beside the tasks' own columns."""


@dataclass(frozen=True)
class FoundUse:
    """A use of a task's, and the tasks that have it just so."""

    use: Use
    tasks: tuple[str, ...]
    uses: tuple[Use, ...]
    """All uses of the first of them."""


def explain(name: str, registry: Registry, task: str | None = None) -> list[dict[str, Any]]:
    """Return the explanations of a metric's name or a column's label, as JSON values.

    A column that tasks define in several ways has one explanation for each; a name that is a
    metric and a column has both.

    Args:
        name: such as a metric's name, a task's label, `closeness` or `general_avg`.
        registry: knows metrics and tasks.
        task: only the columns of this task; its parameters change none.

    Raises:
        UnknownNameError: neither a metric nor a column.
        PluginError: the metric, or the task that was named, cannot be loaded.
    """
    found = []
    if name in registry.names("metrics") and task is None:
        found.append(metric_explanation(name, registry))
    own = _own(name)
    if own is not None:
        found.append({"kind": "column", "name": name, **own, "traps": list(own["traps"])})
    found += [_use_explanation(name, one, registry) for one in _uses_of(name, registry, task)]
    if not found:
        known = {*registry.names("metrics"), *OWN, *NAMES, *_labels(registry, task)}
        raise UnknownNameError("metric or column", name, known - {"part of closeness"})
    return found


def metric_explanation(name: str, registry: Registry) -> dict[str, Any]:
    """Return what a metric says of itself, and which columns of tasks it makes.

    Raises:
        UnknownNameError, PluginError: there is no such metric, or it cannot be loaded.
    """
    metric: type[Metric] = registry.get("metrics", name)
    with registry.named("metrics", name):
        made = metric()
        facts = {
            "kind": "metric",
            "name": name,
            "summary": metric.summary,
            "version": metric.version,
            "unit": metric.unit,
            "direction": metric.direction,
            "formula": metric.formula,
            "good": metric.good,
            "traps": list(metric.traps),
            "observes": [str(part) for part in made.observes().parts()],
            "references": sorted(made.references),
            "citation": metric.citation,
        }
    columns: dict[str, list[str]] = {}
    for task, uses in _all_uses(registry, None):
        for use in uses:
            if isinstance(use, MetricUse) and use.metric == name:
                columns.setdefault(use.label_pattern(), []).append(task)
    return facts | {"columns": columns}


def _use_explanation(label: str, found: FoundUse, registry: Registry) -> dict[str, Any]:
    use = found.use
    facts: dict[str, Any] = {"kind": "column", "name": label, "tasks": list(found.tasks)}
    facts["direction"] = direction_of(label, found.uses, registry)
    if isinstance(use, Composite):
        formula = FORMULAS[use.kind]
        return facts | {
            "kind": "composite",
            "composite": use.kind,
            "of": list(use.of),
            "formula": formula.words,
            "good": formula.good,
            "traps": list(formula.traps),
            "references": sorted(formula.references),
        }
    split = use.split or label.removeprefix(use.label_on(""))
    own = metric_explanation(use.metric, registry)
    return facts | {
        "metric": use.metric,
        "split": split,
        "against": use.against,
        "complement": use.complement,
        "parameters": dict(use.params),
        "value": _value_words(use, split),
        "explained": {name: own[name] for name in own if name != "columns"},
    }


def _value_words(use: MetricUse, split: str) -> str:
    """Return what a column is in terms of its metric."""
    settings = ", ".join(f"{name}={value}" for name, value in use.params.items())
    words = f"{use.metric}{f' ({settings})' if settings else ''} of split {split}"
    if use.against:
        words += f" against split {use.against}"
    return f"100 − {words}" if use.complement else words


def _own(name: str) -> Mapping[str, Any] | None:
    """Return the explanation of a column that is no task's."""
    if name in OWN and name != GENERAL_PREFIX:
        return OWN[name]
    if name in NAMES:
        return OWN["part of closeness"]
    return OWN[GENERAL_PREFIX] if name.startswith(GENERAL_PREFIX) else None


def _uses_of(label: str, registry: Registry, task: str | None) -> list[FoundUse]:
    """Return the uses that a label stands for, those alike once; the first of a task counts."""
    found: list[FoundUse] = []
    for name, uses in _all_uses(registry, task):
        use = next((one for one in uses if _is_of(one, label)), None)
        if use is None:
            continue
        same = next((at for at, one in enumerate(found) if one.use == use), None)
        if same is None:
            found.append(FoundUse(use, (name,), uses))
        else:
            one = found[same]
            found[same] = FoundUse(use, (*one.tasks, name), one.uses)
    return found


def _is_of(use: Use, label: str) -> bool:
    if isinstance(use, Composite):
        return use.label == label
    if use.split is not None:
        return use.own_label() == label
    start = use.label_on("")
    return label == use.label_pattern() or (label.startswith(start) and label != start)


def _labels(registry: Registry, task: str | None) -> Iterator[str]:
    for _, uses in _all_uses(registry, task):
        yield from (use.label_pattern() for use in uses)


def _all_uses(registry: Registry, task: str | None) -> Iterator[tuple[str, tuple[Use, ...]]]:
    """Yield every task with its uses; one that cannot be loaded has none, unless it was named."""
    for name in registry.names("tasks") if task is None else (bare_name(task),):
        try:
            with registry.named("tasks", name):
                yield name, uses_of(registry.get("tasks", name), registry)
        except PluginError:
            if task is not None:
                raise
