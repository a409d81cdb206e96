"""The panel at the end of a run: target and unlearned model, cost, and where the record is."""

from __future__ import annotations

from rich.console import Group
from rich.panel import Panel
from rich.table import Table

from unharness.evaluation.metric import PERCENT
from unharness.pipeline.existing import Outcome
from unharness.records.record import CostRecord, MetricRecord, RunRecord
from unharness.records.store import RecordStore
from unharness.reference_rows import row_of
from unharness.registry import registry
from unharness.report.closeness import CLOSENESS
from unharness.report.labels import changed, metric_label
from unharness.report.record_closeness import closeness_of
from unharness.report.scale import Scale
from unharness.report.values import format_number
from unharness.terminal import Console, Text


def print_outcome(outcome: Outcome, console: Console | None = None) -> None:
    """Print the panel on stdout."""
    console = console or Console()
    record = outcome.record
    spec = record.spec
    title = f"{spec.method} · {spec.task} · {spec.model} ({spec.tuning})"
    parts: list[Table | Text] = [_metrics(record, outcome.target)]
    parts += [*_missing(record), Text(_cost(record.cost))]
    if outcome.existed:
        parts.insert(0, Text("This run was done before; --force runs it again.\n", "yellow"))
    if record.partial:
        parts.append(Text(f"limited: {spec.limits()}", "yellow"))
    parts += _closeness(outcome)
    for warning in record.warnings:
        parts.append(Text(f"warning: {warning}", "yellow"))
    if spec.attacks:
        title += f" · attack: {spec.attack_name}"
    console.print(Panel(Group(*parts), title=title, title_align="left", expand=False))
    _print_paths(outcome, console)
    for other in outcome.also:
        console.print(_attacked(outcome, other))
        _print_paths(other, console)


def _print_paths(outcome: Outcome, console: Console) -> None:
    """Print where the record is, each path on one line however long, so that it can be copied."""
    console.print(f"record  {outcome.folder / 'run.json'}", soft_wrap=True, highlight=False)
    if "weights" in outcome.record.artifacts:
        weights = outcome.folder / str(outcome.record.artifacts["weights"]["path"])
        console.print(f"weights {weights}", soft_wrap=True, highlight=False)


def _attacked(first: Outcome, other: Outcome) -> Panel:
    """Return what another attack makes of the same weights, beside the first one."""
    before, after = first.record, other.record
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", no_wrap=True)
    for heading in (before.spec.attack_name, after.spec.attack_name, "change"):
        table.add_column(heading, justify="right")
    for name, metric in _shown(after).items():
        old = before.metrics.get(name)
        cells = [metric_label(name, metric), _value(old), _value(metric)]
        if old is not None and old.value is not None and metric.value is not None:
            scale = Scale.of(metric.unit)
            if scale.covers([old.value, metric.value]):
                cells.append(changed(scale.change(old.value, metric.value), metric.unit))
        table.add_row(*cells)
    parts: list[Table | Text] = [table, *_missing(after)]
    if other.existed:
        parts.insert(0, Text("This run was done before; --force runs it again.\n", "yellow"))
    parts += [Text(f"warning: {warning}", "yellow") for warning in after.warnings]
    title = f"the same weights · attack: {after.spec.attack_name}"
    return Panel(Group(*parts), title=title, title_align="left", expand=False)


def _metrics(record: RunRecord, target: RunRecord | None) -> Table:
    compared = target is not None and target.run_id != record.run_id
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("", no_wrap=True)
    if compared:
        table.add_column("target", justify="right")
    table.add_column("unlearned" if compared else record.spec.method, justify="right", style="bold")
    table.add_column("95% interval", justify="right", style="dim")
    table.add_column("n", justify="right", style="dim")
    for name, metric in _shown(record).items():
        row = [metric_label(name, metric)]
        if compared and target is not None:
            row.append(_value(target.metrics.get(name)))
        ends = [format_number(end, metric.unit) for end in metric.ci95 or ()]
        table.add_row(*row, _value(metric), " – ".join(ends) or "–", str(metric.n))
    return table


def _shown(record: RunRecord) -> dict[str, MetricRecord]:
    """Return the columns but those of details, which `unharness show` has."""
    return {name: metric for name, metric in record.metrics.items() if not metric.detail}


def _value(metric: MetricRecord | None) -> str:
    if metric is None or metric.value is None:
        return "–"
    return format_number(metric.value, metric.unit)


def _missing(record: RunRecord) -> list[Text]:
    """Return why columns have no value, a line for every reason."""
    labels: dict[str, list[str]] = {}
    for name, metric in _shown(record).items():
        if metric.value is None:
            labels.setdefault(metric.status, []).append(name)
    return [Text(f"– {', '.join(names)}: {reason}", "dim") for reason, names in labels.items()]


def _closeness(outcome: Outcome) -> list[Text]:
    """Return the closeness to the retrained model, or the command that makes it known."""
    record = outcome.record
    if record.partial or record.status != "done" or row_of(record.spec.method, registry()):
        return []
    found, notes = closeness_of(record, RecordStore(record.spec.results))
    lines = []
    if found:
        shown = {name: format_number(one.value, PERCENT) for name, one in found.items()}
        whole = shown.pop(CLOSENESS)
        parts = ", ".join(
            f"{name.removeprefix(CLOSENESS).strip('_').replace('_', ' ')} {value}"
            for name, value in shown.items()
        )
        ends = [format_number(end, PERCENT) for end in found[CLOSENESS].ci95 or ()]
        interval = f" [{', '.join(ends)}]" if ends else ""
        lines.append(Text(f"\n{CLOSENESS} to the retrained model: {whole}%{interval} ({parts})"))
    return [*lines, *(Text(note, "dim") for note in notes)]


def _cost(cost: CostRecord) -> str:
    if cost.train_seconds is None:
        return ""
    words = [f"\ncost    {cost.train_seconds:.1f} s unlearning"]
    if cost.seconds_per_step is not None:
        words.append(f"{cost.seconds_per_step:.3f} s a step")
    if cost.peak_memory_gb is not None:
        words.append(f"{cost.peak_memory_gb:.2f} GB peak memory")
    if cost.trainable_parameters is not None:
        words.append(f"{cost.trainable_parameters:,} trained parameters")
    return ", ".join(words)
