"""`unharness show`: one record, with its numbers, its cost and some of its answers."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from unharness import defaults
from unharness.cli.console import echo_json, stdout_console
from unharness.cli.options import debug_option, format_option, results_option
from unharness.cli.skipped import warn
from unharness.errors import RecordError

if TYPE_CHECKING:
    from rich.table import Table

    from unharness.records.examples import ExampleRecord
    from unharness.records.record import RunRecord
    from unharness.terminal import Console, Text

EPILOG = f"""\b
Examples:
  unharness show 3f2a
  unharness show 3f2a --examples 10
  unharness show results/{defaults.TASK}/tiny/{defaults.METHOD}/3f2a90c1d2e3f405
  unharness show 3f2a --format json
"""
BARS = "▁▂▃▄▅▆▇█"
CURVE_WIDTH = 40
"""In characters: a longer loss curve is averaged down to this."""


@click.command("show", epilog=EPILOG)
@click.argument("run")
@results_option
@format_option("table", "json")
@click.option(
    "--examples",
    type=click.IntRange(0),
    default=3,
    show_default=True,
    help="Number of examples to show, from the splits in turn.",
)
@debug_option
def show_command(run: str, results: Path, form: str, examples: int) -> None:
    """Show one record: metrics, cost, training and examples.

    RUN is the beginning of a run id, or the path of a record.
    """
    from unharness.records.store import RecordStore

    store = RecordStore(results)
    record, folder = store.by_id(run)
    if form == "json":
        echo_json(record.model_dump(mode="json"))
        return
    from unharness.report.comparable import target_row_of

    console = stdout_console()
    _print_record(record, target_row_of(record, store), folder, console)
    _print_examples(record, folder, examples, console)


def sparkline(values: Sequence[float], width: int = CURVE_WIDTH) -> str:
    """Return a curve in one line of at most `width` characters, each the mean of its stretch."""
    count = min(len(values), width)
    bounds = [index * len(values) // count for index in range(count + 1)] if count else []
    means = [sum(values[a:b]) / (b - a) for a, b in itertools.pairwise(bounds)]
    low, high = min(means, default=0.0), max(means, default=0.0)
    scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(BARS[round((mean - low) * scale)] for mean in means)


def _print_record(
    record: RunRecord, target: RunRecord | None, folder: Path, console: Console
) -> None:
    from rich.panel import Panel

    spec = record.spec
    title = f"{spec.method} · {spec.task} · {spec.model} ({spec.tuning})"
    console.print(Panel(_headline(record), title=_plain(title), title_align="left", expand=False))
    if record.metrics:
        compared = target if target and target.run_id != record.run_id else None
        console.print(_metrics(record, compared))
    for heading, facts in (
        ("cost", _cost(record)),
        ("training", _training(record)),
        (f"reported by {spec.method}", _reported(record)),
        ("hyperparameters", _hyperparameters(record)),
        ("changed from the task's defaults", _settings(record)),
        ("files", _files(record, folder)),
    ):
        if facts:
            console.print(_plain(f"\n{heading}", "bold"))
            console.print(_facts(facts))


def _target(record: RunRecord) -> str:
    spec, target = record.spec, record.target
    if target is None or target.source == "trained":
        return f"{spec.target_tuning} tuning, {spec.dtype}"
    commit = f" at {target.revision[:12]}" if target.revision else ""
    return f"given: {target.given}{commit}, no target was trained; {spec.dtype}"


def _headline(record: RunRecord) -> Table:
    spec = record.spec
    facts = {
        "run": record.run_id,
        "status": record.status,
        "error": record.error,
        "data": f"{spec.data_source}, hash {spec.data_hash[:8]}",
        "target": _target(record),
        "seed": str(spec.seed),
        "time": f"{record.started} to {record.finished or '…'}",
    }
    if record.data:
        sizes = ", ".join(f"{name} {split.get('n')}" for name, split in record.data.splits.items())
        facts["data"] = f"{facts['data']} ({record.data.description}): {sizes}"
    for use in spec.attacks:
        words = ", ".join(f"{name}={value}" for name, value in use.config.items())
        facts["attack"] = f"{use.name}: {words}" if words else use.name
    facts["preset"] = spec.preset
    facts["general text"] = record.data.general if record.data else None
    if record.partial:
        facts["limited"] = spec.limits()
    shown = _facts({name: value for name, value in facts.items() if value}, alarms=("error",))
    for warning in record.warnings:
        shown.add_row(_plain("warning", "yellow"), _plain(warning, "yellow"))
    return shown


def _metrics(record: RunRecord, target: RunRecord | None) -> Table:
    from rich.table import Table

    from unharness.report.labels import metric_label
    from unharness.report.values import format_number

    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("metric", overflow="fold")
    for heading in (*(["target"] if target else []), "value", "95% interval", "n"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("unit", "status"):
        table.add_column(heading, style="dim", overflow="fold")
    for name, metric in record.metrics.items():
        cells = [metric_label(name, metric)]
        if target:
            own = target.metrics.get(name)
            cells.append(format_number(own.value if own else None, metric.unit))
        ends = [format_number(end, metric.unit) for end in metric.ci95 or ()]
        unscored = f" (+{metric.n_unscored} not scored)" if metric.n_unscored else ""
        cells += [format_number(metric.value, metric.unit), "–".join(ends), f"{metric.n}{unscored}"]
        table.add_row(*(_plain(cell) for cell in (*cells, metric.unit, metric.status)))
    return table


def _hyperparameters(record: RunRecord) -> dict[str, str]:
    """Return the method's hyperparameters, with the defaults of those that differ."""
    from unharness.cli.describe import hyperparameters
    from unharness.errors import UnharnessError
    from unharness.registry import registry
    from unharness.report.values import shown_value

    spec, model = record.spec, _model(record)
    own: dict[str, Any] = {}
    try:
        found = registry()
        method = found.get("methods", spec.method)
        with found.named("methods", spec.method):
            for fact in hyperparameters(method, [model]):
                own[fact["name"]] = fact["defaults"].get(model, fact["default"])
    except UnharnessError:  # not installed here, or broken: the values are known all the same
        own = {}
    return {
        name: _beside_default(shown_value(value), shown_value(own.get(name, value)))
        for name, value in spec.config.items()
    }


def _settings(record: RunRecord) -> dict[str, str]:
    """Return lengths, template, LoRA and the target's recipe where they are not the task's."""
    from unharness.errors import UnharnessError
    from unharness.pipeline.settings import changed_settings
    from unharness.registry import registry
    from unharness.report.values import shown_value

    try:
        found = changed_settings(record.spec, _model(record), registry())
    except UnharnessError:
        return {}
    return {
        name: _beside_default(shown_value(value), shown_value(default))
        for name, (value, default) in found.items()
    }


def _model(record: RunRecord) -> str:
    """Return the name of the model that defaults go by."""
    return str(record.passed.get("model") or record.spec.model)


def _beside_default(value: str, default: str) -> str:
    return value if value == default else f"{value} (default {default})"


def _cost(record: RunRecord) -> dict[str, str]:
    from unharness.report.values import format_number

    cost = record.cost
    units = {
        "train_seconds": "s",
        "seconds_per_step": "s",
        "tokens_per_second": "",
        "peak_memory_gb": "GB",
    }
    values = {name: getattr(cost, name) for name in units}
    facts = {
        name.replace("_", " "): f"{format_number(value)} {units[name]}".rstrip()
        for name, value in values.items()
        if value is not None
    }
    if cost.trainable_parameters is not None:
        facts["trained parameters"] = f"{cost.trainable_parameters:,}"
    if cost.stages:
        facts["stages"] = ", ".join(f"{name} {took:.1f} s" for name, took in cost.stages.items())
    return facts


def _training(record: RunRecord) -> dict[str, str]:
    training = record.training
    if not training or not training.losses:
        return {}
    losses = training.losses
    return {
        "steps": f"{training.steps} ({training.examples} examples, {training.tokens} tokens)",
        "loss": f"{losses[0]:.4g} {sparkline(losses)} {losses[-1]:.4g}",
    }


def _reported(record: RunRecord) -> dict[str, str]:
    """Return what the method reported, as it words it; plainly where it cannot."""
    from unharness.errors import UnharnessError
    from unharness.registry import registry
    from unharness.unlearning.method import Method

    report = record.training.report if record.training else {}
    name, found = record.spec.method, registry()
    try:
        with found.named("methods", name):
            return dict(found.get("methods", name).summarize_report(report))
    except UnharnessError:  # not installed, or of another version
        return dict(Method.summarize_report(report))


def _files(record: RunRecord, folder: Path) -> dict[str, str]:
    from unharness.records.store import RECORD_FILE

    files = {"record": str(folder / RECORD_FILE)}
    for name, artifact in record.artifacts.items():
        files[name] = str(folder / str(artifact.get("path", "")))
    return files


def _print_examples(record: RunRecord, folder: Path, wanted: int, console: Console) -> None:
    from unharness.records.examples import has_examples, read_examples

    if not wanted or not has_examples(record, folder):
        return
    try:
        rows = _pick(read_examples(record, folder), wanted)
    except RecordError as error:
        warn(str(error))
        return
    for row in rows:
        hits = row.hits
        accuracy = f" · {sum(hits)} of {len(hits)} answer tokens predicted" if hits else ""
        console.print(_plain(f"\n{row.split} {row.id}{accuracy}", "bold"))
        texts = {"question": row.prompt, "expected": row.answer, "generated": row.generated}
        console.print(_facts({word: text.strip() for word, text in texts.items() if text}))


def _pick(rows: Iterable[ExampleRecord], wanted: int) -> list[ExampleRecord]:
    """Return the first examples of every split in turn, `wanted` in all."""
    by_split: dict[str, list[ExampleRecord]] = {}
    for row in rows:
        found = by_split.setdefault(row.split, [])
        if len(found) < wanted:
            found.append(row)
    turns: Iterator[Any] = itertools.chain.from_iterable(itertools.zip_longest(*by_split.values()))
    return [row for row in turns if row is not None][:wanted]


def _facts(facts: Mapping[str, str], alarms: Sequence[str] = ()) -> Table:
    from rich.table import Table

    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", overflow="fold")
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(_plain(name), _plain(value, "bold red" if name in alarms else ""))
    return table


def _plain(text: str, style: str = "") -> Text:
    """Return a text in which brackets mean nothing."""
    from unharness.terminal import Text

    return Text(text, style)
