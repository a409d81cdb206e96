"""The card of exported weights, filled from their record: YAML that the hub reads, and a page."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from unharness.exports.checkpoint import BASE_FOLDER, RECORD_COPY, Layout
from unharness.exports.general_tasks import general_task
from unharness.records.record import MetricRecord, RunRecord
from unharness.records.store import shown_model
from unharness.reference_rows import row_of
from unharness.registry import registry
from unharness.report.aggregation import how_chosen
from unharness.report.formats import markdown_table, markdown_text
from unharness.report.labels import ARROWS
from unharness.report.values import format_number, shown_value

OTHER_LICENCE = "other"
MOST_ATTACK_COLUMNS = 6


def model_card(
    record: RunRecord,
    layout: Layout,
    *,
    name: str,
    attacked: Sequence[RunRecord] = (),
    licence: str | None = None,
) -> str:
    """Return the card as Markdown.

    Args:
        record: of the run.
        layout: what lies beside the card.
        name: of the model: the hub's repository, or the folder.
        attacked: records of the same unlearned weights under attacks.
        licence: as the hub calls it; None: `other`, and a note that says what holds.
    """
    front = yaml.safe_dump(
        metadata(record, layout, name=name, licence=licence), sort_keys=False, allow_unicode=True
    )
    parts = [
        f"---\n{front}---",
        f"# {name}",
        _summary(record),
        "## How to load it",
        _loading(record, layout, name),
        *_wrappers(record),
        "## Method",
        _pairs({"method": record.spec.method} | _method(record)),
        "## What was measured",
        _numbers(record.metrics),
        *_attacked(record, attacked),
        "## Data",
        _pairs(_data(record)),
        "## Where it comes from",
        _pairs(_provenance(record)),
        "## Limits and licence",
        _limits(record, licence),
    ]
    return "\n\n".join(parts) + "\n"


def metadata(
    record: RunRecord, layout: Layout, *, name: str, licence: str | None = None
) -> dict[str, Any]:
    """Return the card's metadata, the `model-index` with every number included."""
    found: dict[str, Any] = {
        "library_name": "peft" if layout.kind == "adapter" else "transformers",
        "pipeline_tag": "text-generation",
        "license": licence or OTHER_LICENCE,
        "tags": ["unharness", "machine-unlearning", record.spec.method],
    }
    if layout.base:
        found["base_model"] = layout.base
        found["base_model_relation"] = "adapter"
    by_split: dict[str, list[dict[str, Any]]] = {}
    for label, metric in record.metrics.items():
        if metric.value is not None:
            by_split.setdefault(metric.split or "all", []).append(
                _index_entry(record, label, metric)
            )
    results = [
        {
            "task": {"type": "text-generation", "name": "unlearning"},
            "dataset": {"name": record.spec.task, "type": record.spec.task, "split": split}
            | {"args": {"data_sha256": record.spec.data_hash, "source": record.spec.data_source}},
            "metrics": entries,
        }
        for split, entries in by_split.items()
    ]
    return found | {"model-index": [{"name": name, "results": results}]}


def _index_entry(record: RunRecord, label: str, metric: MetricRecord) -> dict[str, Any]:
    arguments: dict[str, Any] = {"unit": metric.unit, "direction": metric.direction, "n": metric.n}
    if metric.ci95 is not None:
        arguments["ci95"] = list(metric.ci95)
    return {
        "type": metric.metric or general_task(record, label).get("metric", "mean"),
        "name": label,
        "value": metric.value,
        "args": arguments,
    }


def _summary(record: RunRecord) -> str:
    spec = record.spec
    under = f" and attacked by {_text(spec.attack_name)}" if spec.attacks else ""
    limited = f" The run was limited ({spec.limits()})." if spec.limits() else ""
    task = f"the facts of `{_text(spec.task)}`"
    what = {
        None: f"taught {task}, then unlearned by `{spec.method}`",
        "base": f"before it learned {task}",
        "target": f"taught {task}, of which nothing is unlearned",
        "retrained": f"taught {task} but for those that are to be forgotten",
    }[row_of(spec.method, registry())]
    return (
        f"`{_text(shown_model(spec.model))}`, {what}{under}, with unharness. It is a model for "
        f"research on unlearning, not a product; the record of the run is `{RECORD_COPY}`.{limited}"
    )


def _loading(record: RunRecord, layout: Layout, name: str) -> str:
    folder = f'"{name}"'
    if layout.kind == "full":
        note = "The adapter is merged into the weights.\n\n" if layout.merged else ""
        code = [
            "from transformers import AutoModelForCausalLM, AutoTokenizer",
            "",
            f"model = AutoModelForCausalLM.from_pretrained({folder})",
            f"tokenizer = AutoTokenizer.from_pretrained({folder})",
        ]
        return note + _code(code)
    if layout.base:
        code = [
            "from peft import PeftModel",
            "from transformers import AutoModelForCausalLM, AutoTokenizer",
            "",
            f'base = AutoModelForCausalLM.from_pretrained("{layout.base}", '
            f'revision="{layout.revision}")',
            f"model = PeftModel.from_pretrained(base, {folder})",
            f"tokenizer = AutoTokenizer.from_pretrained({folder})",
        ]
        return _code(code)
    code = [
        "from peft import PeftModel",
        "from transformers import AutoModelForCausalLM, AutoTokenizer",
        "",
        f"folder = {folder}  # from the hub: huggingface_hub.snapshot_download({folder})",
        f'base = AutoModelForCausalLM.from_pretrained(f"{{folder}}/{BASE_FOLDER}")',
        "model = PeftModel.from_pretrained(base, folder)",
        "tokenizer = AutoTokenizer.from_pretrained(folder)",
    ]
    trained = record.spec.target_tuning == "full"
    why = "it is the target model" if trained else "no hub has it at a known commit"
    return f"The adapter's base lies in `{BASE_FOLDER}/`: {why}.\n\n{_code(code)}"


def _wrappers(record: RunRecord) -> list[str]:
    """Say what stands between the model and those who ask it, and is no part of the weights."""
    wrapped = record.training is not None and record.training.wrapper is not None
    attacks = [one.name for one in record.attacks if one.wrapper is not None]
    if not wrapped and not attacks:
        return []
    who = [f"of the method `{record.spec.method}`"] * wrapped
    who += [f"of the attack `{_text(name)}`" for name in attacks]
    return [
        "**These weights alone are not what was measured.** An inference wrapper "
        f"{' and one '.join(who)} rewrites prompts or filters answers around the model; the "
        f"numbers below are with it. Its fields are in `{RECORD_COPY}` (`wrapper`)."
    ]


def _method(record: RunRecord) -> dict[str, Any]:
    spec = record.spec
    return {
        "version": f"{spec.method_version} (source {spec.method_source or 'unknown'})",
        "tuning": spec.tuning if not spec.unlearn.lora else f"lora {_json(spec.unlearn.lora)}",
        "seed": spec.seed,
        "chosen": how_chosen(record),
        **{f"`{name}`": shown_value(value) for name, value in spec.config.items()},
        "target": f"{spec.target_tuning}, {_json(spec.target_recipe)}"
        if spec.target_recipe
        else "given",
    }


def _numbers(metrics: Mapping[str, MetricRecord]) -> str:
    """Return every number with its interval."""
    rows = [["Metric", "Value", "95% interval", "n", "Unit", "Split"]]
    for label, metric in metrics.items():
        if metric.value is None:
            continue
        ends = " – ".join(format_number(end, metric.unit) for end in metric.ci95 or ())
        value = format_number(metric.value, metric.unit)
        rows.append(
            [
                *(f"{label} {ARROWS[metric.direction]}", value, ends or "–"),
                *(str(metric.n), metric.unit, metric.split or ""),
            ]
        )
    note = (
        "↑ more is better, ↓ less is better, = should match a model that never saw the data. "
        "Intervals are over examples."
    )
    without = [_text(label) for label, metric in metrics.items() if metric.value is None]
    more = f" Without a value: {', '.join(without)}." if without else ""
    return f"{markdown_table(rows, 1)}\n\n{note}{more}"


def _attacked(record: RunRecord, attacked: Sequence[RunRecord]) -> list[str]:
    """Return what attacks on the same weights make of the numbers that the task plots."""
    if record.spec.attacks or not attacked:
        return ["## Attacks", "No attack on these weights was measured."] * (
            not record.spec.attacks
        )
    ranking = record.ranking
    wanted = [ranking.headline, ranking.forget_axis, *ranking.retain_axes] if ranking else []
    labels = [name for name in dict.fromkeys(wanted) if name in record.metrics]
    labels = labels[:MOST_ATTACK_COLUMNS] or list(record.metrics)[:MOST_ATTACK_COLUMNS]
    rows = [["Attack", *labels]]
    for one in (record, *attacked):
        rows.append([one.spec.attack_name, *_cells(one.metrics, labels)])
    return ["## Attacks", markdown_table(rows, 1)]


def _cells(metrics: Mapping[str, MetricRecord], labels: Iterable[str]) -> list[str]:
    cells = []
    for label in labels:
        metric = metrics.get(label)
        if metric is None or metric.value is None:
            cells.append("–")
            continue
        ends = ", ".join(format_number(end, metric.unit) for end in metric.ci95 or ())
        cells.append(format_number(metric.value, metric.unit) + (f" [{ends}]" if ends else ""))
    return cells


def _data(record: RunRecord) -> dict[str, Any]:
    data = record.data
    sizes = (
        ", ".join(f"{name} {facts.get('n')}" for name, facts in data.splits.items()) if data else ""
    )
    return {
        "task": record.spec.task,
        "source": record.spec.data_source,
        "commit": (data and data.revision) or "–",
        "SHA-256": record.spec.data_hash,
        "examples": sizes or "–",
    }


def _provenance(record: RunRecord) -> dict[str, Any]:
    own = record.provenance.get("unharness", {})
    packages = record.provenance.get("packages", {})
    shown = ("torch", "transformers", "peft")
    weights = [record.training.weights_hash if record.training else None]
    weights += [one.weights_hash for one in record.attacks]
    return {
        "run": record.run_id,
        "finished": record.finished or "–",
        "unharness": f"{own.get('version')} (commit {own.get('commit')})",
        "libraries": ", ".join(f"{name} {packages.get(name)}" for name in shown),
        "target's weights": record.target.weights_hash if record.target else "–",
        "these weights": next((one for one in reversed(weights) if one), "–"),
        "device": record.spec.device,
    }


def _limits(record: RunRecord, licence: str | None) -> str:
    lines = [
        "- Numbers say what was measured on this data, model and template, and nothing beyond. "
        "What is not measured may still be known, and may come back by further training.",
        f"- The weights derive from `{_text(shown_model(record.spec.model))}` and were trained on "
        f"the data of `{_text(record.spec.task)}`: the licences of both hold for them"
        + (f"; they are published under `{licence}`." if licence else ", whatever they are.")
        + " The data's texts are not part of this folder, but the weights may reproduce some.",
    ]
    if record.spec.data_source == "standin":
        lines.append("- The data is the bundled stand-in, invented for tests: not the paper's own.")
    lines += [f"- Warning of the run: {_text(text)}" for text in record.warnings]
    return "\n".join(lines)


def _pairs(facts: Mapping[str, Any]) -> str:
    return markdown_table([["", ""], *([name, str(value)] for name, value in facts.items())], 2)


def _text(text: str) -> str:
    """Return a text of others that makes no markup, in code marks or without."""
    return markdown_text(text).replace("`", "'")


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _code(lines: Sequence[str]) -> str:
    return "\n".join(["```python", *lines, "```"])
