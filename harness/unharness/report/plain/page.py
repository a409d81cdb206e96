"""The page itself: one HTML file without script, that loads nothing.

A Content-Security-Policy lets nothing run or load but the page's own style, by its hash. Every text
of a record is escaped, control characters included.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from unharness.errors import UsageError
from unharness.records.files import whole_file
from unharness.records.record import RunRecord
from unharness.records.store import RecordStore
from unharness.reference_rows import row_of
from unharness.registry import registry
from unharness.report.html.parts import bundled, policy_hash
from unharness.report.plain.measures import (
    Measure,
    References,
    find_references,
    measures_of,
)
from unharness.report.plain.untested import not_tested
from unharness.report.plain.verdict import verdict_of
from unharness.report.plain.words import FORGOTTEN, KEPT, counted, level_list
from unharness.report.values import shown_value
from unharness.safe_text import escape_controls

PACKAGE = "unharness.report.plain"
LOST = ("retain", "utility", "general")
"""Axes of what should not be lost."""


def check_page_path(path: Path) -> None:
    """Make sure that the page can be written, before a run of hours.

    Raises:
        UsageError: it is a folder, or lies in none.
    """
    if path.is_dir():
        raise UsageError(f"--report {path}: is a folder; give a file, such as {path / 'page.html'}")
    if not path.resolve().parent.is_dir():
        raise UsageError(f"--report {path}: no folder {path.parent}")


def write_page(
    path: Path, record: RunRecord, store: RecordStore, attacked: Sequence[RunRecord] = ()
) -> None:
    """Write the page of a run; a file that stands there is replaced.

    Args:
        path: of the page.
        record: of the run.
        store: holds it, and reference rows to compare it with.
        attacked: records of the same weights under further attacks.

    Raises:
        OSError: it cannot be written.
    """
    with whole_file(path) as handle:
        handle.write(to_page(record, store, attacked).encode())


def to_page(record: RunRecord, store: RecordStore, attacked: Sequence[RunRecord] = ()) -> str:
    """Return the page of a run as one HTML file; arguments as for `write_page`."""
    from jinja2 import Environment, select_autoescape
    from markupsafe import Markup

    def safe(value: Any) -> Any:
        plain = isinstance(value, str) and not isinstance(value, Markup)
        return escape_controls(value) if plain else value

    style = bundled(PACKAGE, "style.css")
    template = Environment(
        autoescape=select_autoescape(default=True),
        finalize=safe,
        trim_blocks=True,
        lstrip_blocks=True,
    ).from_string(bundled(PACKAGE, "page.html"))
    return template.render(
        style=style, style_hash=policy_hash(style), **_contents(record, store, attacked)
    )


def _contents(
    record: RunRecord, store: RecordStore, attacked: Sequence[RunRecord]
) -> dict[str, Any]:
    references = find_references(record, store)
    measures = measures_of(record, references)
    kinds = {
        "forgotten": [one for one in measures if one.axis == "forget"],
        "lost": [one for one in measures if one.axis in LOST],
        "others": [one for one in measures if one.axis not in ("forget", *LOST)],
    }
    return {
        "record": record,
        "reference": row_of(record.spec.method, registry()),
        "standin": bool(record.data and record.data.source == "standin"),
        "verdict": verdict_of(record, measures, references, store),
        **kinds,
        "attacked": _attacked(record, attacked),
        "not_tested": not_tested(record, measures, references, attacked),
        "facts": _facts(record),
        "sets": _sets(record),
        "levels": {"forgotten": level_list(FORGOTTEN), "kept": level_list(KEPT)},
    }


def _attacked(
    record: RunRecord, attacked: Sequence[RunRecord]
) -> list[tuple[str, list[tuple[Measure, str]]]]:
    """Return by attack what it changes: the columns of what was forgotten, and their values."""
    found = []
    own = {one.label: one for one in measures_of(record, References())}
    for other in attacked:
        after = measures_of(other, References())
        rows = [
            (own[one.label], one.after)
            for one in after
            if one.axis == "forget" and one.label in own
        ]
        found.append((other.spec.attack_name, rows))
    return found


def _sets(record: RunRecord) -> list[str]:
    """Return what the data holds, by role."""
    words = {
        "forget": "to forget",
        "retain": "to keep",
        "holdout": "that no model learned",
        "utility": "of other things that it should still know",
        "general": "of general text",
    }
    counts: dict[str, int] = {}
    for facts in (record.data.splits if record.data else {}).values():
        role = str(facts.get("role"))
        counts[role] = counts.get(role, 0) + int(facts.get("n") or 0)
    return [
        f"{counted(count, 'example')} {words.get(role, role)}" for role, count in counts.items()
    ]


def _facts(record: RunRecord) -> Mapping[str, str]:
    """Return what a reader needs to find the run again, and what it cost."""
    spec, data, cost = record.spec, record.data, record.cost
    settings = ", ".join(f"{name}={shown_value(one)}" for name, one in spec.config.items())
    software = record.provenance.get("unharness") or {}
    hardware = record.provenance.get("hardware") or {}
    target = record.target
    found = {
        "Model": f"{spec.model}{f' ({spec.model_revision})' if spec.model_revision else ''}",
        "Model before": _target(record),
        "Weights before, SHA-256": target.weights_hash if target else "",
        "Method": f"{spec.method}, version {spec.method_version}",
        "Settings": settings,
        "Seed": str(spec.seed),
        "Attacks": spec.attack_name if spec.attacks else "none",
        "Task": spec.task,
        "Data": data.description if data else "",
        "Data, SHA-256": spec.data_hash,
        "Time of unlearning": _seconds(cost.train_seconds),
        "Highest memory": f"{cost.peak_memory_gb:.2f} GB" if cost.peak_memory_gb else "",
        "Trained parameters": f"{cost.trainable_parameters:,}" if cost.trainable_parameters else "",
        "Machine": str(hardware.get("gpu") or hardware.get("cpu") or spec.device),
        "Finished": record.finished or "",
        "Software": " ".join(["unharness", *map(str, filter(None, _version(software)))]),
        "Run": record.run_id,
    }
    return {name: text for name, text in found.items() if text}


def _version(software: Mapping[str, Any]) -> tuple[Any, Any]:
    return software.get("version"), software.get("commit")


def _target(record: RunRecord) -> str:
    target = record.target
    if target is None:
        return "not known to the record"
    if target.source == "given":
        return f"given: {target.given}{f' ({target.revision})' if target.revision else ''}"
    epochs = record.spec.target_recipe.get("epochs")
    passes = f", {epochs} passes over the data" if epochs else ""
    return f"trained here on the facts{passes}"


def _seconds(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.1f} seconds" if value < 120 else f"{value / 60:.1f} minutes"
