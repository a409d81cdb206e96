"""What can be said of records before they are trusted or shared: each passes, warns or fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import ValidationError

from unharness.data.sources import STANDIN
from unharness.errors import RecordError, refused_place
from unharness.manifest import changed_file
from unharness.records.check import id_problem, problem_of
from unharness.records.per_example import NAME as PER_EXAMPLE
from unharness.records.per_example import read_per_example
from unharness.records.record import MetricRecord, RunRecord
from unharness.records.run_file import RunFile
from unharness.records.store import RECORD_FILE, RecordStore, read_records

Level = Literal["pass", "warn", "fail"]
LEVELS: tuple[Level, ...] = get_args(Level)
TEXTS = ("examples", "observations")
"""Artifacts that hold questions, answers and generated text."""
ROUNDING = 1e-9
"""Relative: how far a value may lie outside of its interval by rounding alone."""
WORDS_OF_A_TEXT = 5
_FREE_FOLDERS = {"profile"}
"""Folders beside a record that no record names."""


@dataclass(frozen=True)
class Finding:
    """One thing that was found out about a record."""

    level: Level
    check: str
    """`schema`, `identity`, `numbers`, `artifacts`, `status`, `provenance`, `texts`, `paths`."""
    message: str


@dataclass(frozen=True)
class Audit:
    """All that was found out about one run.json; nothing if it passes."""

    path: Path
    run_id: str | None
    """None where the file cannot be read."""
    findings: tuple[Finding, ...]
    task: str | None = None
    """With its parameters; None where the file cannot be read."""

    @property
    def level(self) -> Level:
        """The worst of its findings."""
        found = [LEVELS.index(one.level) for one in self.findings]
        return LEVELS[max(found, default=0)]


def audit_folder(folder: Path, *, public: bool = False) -> list[Audit]:
    """Check every record under a results folder, or the one in a record's own folder.

    Args:
        folder: of results, or of a record.
        public: whether it is to be published: then no text of others may lie beside a record.

    Raises:
        RecordError: there is no record.
    """
    one = folder / RECORD_FILE
    paths = [one] if one.is_file() else RecordStore(folder).paths()
    if not paths:
        raise RecordError(f"{folder}: no records there; expected {RECORD_FILE} below it")
    found: list[Audit] = []
    seen: set[tuple[str, str | None]] = set()
    for path in paths:
        audit = audit_record(path, public=public)
        # One model may be evaluated on several tasks: a base model with each of RWKU's persons.
        if audit.run_id and (audit.run_id, audit.task) in seen:
            twice = Finding(
                "warn", "identity", "a second record of this run; boards read the first"
            )
            audit = replace(audit, findings=(*audit.findings, twice))
        if audit.run_id:
            seen.add((audit.run_id, audit.task))
        found.append(audit)
    return found


def audit_record(path: Path, *, public: bool = False) -> Audit:
    """Check one run.json with the files beside it.

    Args:
        path: of the run.json.
        public: as for `audit_folder`.
    """
    findings: list[Finding] = []
    records = _read(path, findings)
    for record in records:
        findings += _status(record)
        findings += _artifacts(record, path.parent, public=public)
        findings += _intervals(record.metrics)
        if public:
            findings += _texts_within(record)
            findings += _paths(record)
    if records and public:
        findings += _texts_beside(records, path.parent)
    first = records[0] if records else None
    return Audit(
        path,
        first.run_id if first else None,
        tuple(dict.fromkeys(findings)),
        first.spec.task if first else None,
    )


def _read(path: Path, findings: list[Finding]) -> list[RunRecord]:
    """Return the evaluations of a file; where it cannot be read, none and a finding."""
    try:
        text = path.read_text(encoding="utf-8")
        content = RunFile.model_validate_json(text)
        records = content.records()
    except ValidationError as error:
        return _other_schema(path, findings, refused_place(error))
    except (OSError, UnicodeDecodeError) as error:
        findings.append(Finding("fail", "schema", f"cannot be read ({error})"))
        return []
    for key, record in zip(content.evaluations, records, strict=True):
        if problem := id_problem(record, key):
            findings.append(Finding("fail", "identity", problem))
        elif problem := problem_of(record, text):
            findings.append(Finding("fail", "numbers", problem))
    return [] if findings else records


def _other_schema(path: Path, findings: list[Finding], reason: str) -> list[RunRecord]:
    """Return the record of a file of the first edition; of any other file none and a finding."""
    try:
        records = read_records(path)
    except RecordError:
        findings.append(Finding("fail", "schema", reason))
        return []
    findings.append(Finding("warn", "schema", "of schema 1, which is read but no longer written"))
    return records


def _status(record: RunRecord) -> Iterator[Finding]:
    if record.status != "done":
        yield Finding("warn", "status", f"the run is {record.status}; it is never ranked")
    if record.partial:
        yield Finding("warn", "status", "its data was limited; it is never ranked")
    if record.provenance.get("unharness", {}).get("dirty"):
        yield Finding(
            "warn", "provenance", "made from a checkout with changes that were not committed"
        )


def _artifacts(record: RunRecord, folder: Path, *, public: bool) -> Iterator[Finding]:
    for kind, facts in record.artifacts.items():
        name = str(facts.get("path"))
        files = facts.get("files") if kind == "weights" else {name: facts}
        place = folder / name if kind == "weights" else folder
        if not isinstance(files, Mapping):  # of older records: their tensors have a hash
            yield Finding("warn", "artifacts", f"{name}: its files have no digests")
        elif not (folder / name).exists():
            if kind == PER_EXAMPLE:
                yield Finding("fail", "artifacts", f"{name} is missing")
            elif not (public and kind in TEXTS):  # these are left out on purpose
                yield Finding("warn", "artifacts", f"{name} is not there; left out?")
        elif problem := changed_file(place, files):
            yield Finding("fail", "artifacts", problem)
    if record.status != "done":
        return
    if PER_EXAMPLE not in record.artifacts:
        yield Finding("warn", "artifacts", "it has no numbers of its examples: nothing is paired")
    elif (folder / str(record.artifacts[PER_EXAMPLE].get("path"))).is_file():
        yield from _numbers(record, folder)


def _numbers(record: RunRecord, folder: Path) -> Iterator[Finding]:
    """Say which columns have another number of scored examples than the record says."""
    import numpy

    try:
        splits = read_per_example(record, folder)
    except RecordError:
        return  # the file's digest has been judged
    for label, metric in record.metrics.items():
        split = splits.get(metric.split or "")
        if split is None or label not in split.columns or metric.value is None:
            continue
        count = int(numpy.count_nonzero(~numpy.isnan(split.columns[label])))
        if metric.against is None and count != metric.n:
            yield Finding(
                "fail",
                "numbers",
                f"metrics.{label}.n is {metric.n}, and {count} examples have a score",
            )


def _intervals(metrics: Mapping[str, MetricRecord]) -> Iterator[Finding]:
    """Judge intervals.

    A bootstrap interval of a statistic that is no mean may leave out the value itself, but not by
    more than its own width.
    """
    for label, metric in metrics.items():
        if metric.value is None or metric.ci95 is None:
            continue
        low, high = metric.ci95
        text = (
            f"metrics.{label}: the value {metric.value:.6g}, the interval {low:.6g} to {high:.6g}"
        )
        outside = max(low - metric.value, metric.value - high)
        slack = ROUNDING * max(1.0, abs(metric.value))
        if low > high + slack:
            yield Finding("fail", "numbers", f"{text}: its ends are reversed")
        elif outside > slack:
            level: Level = "fail" if outside > (high - low) + slack else "warn"
            yield Finding(level, "numbers", f"{text}, which does not contain it")


def _texts_beside(records: list[RunRecord], folder: Path) -> Iterator[Finding]:
    """Say which files beside a record may hold texts that are not ours to publish."""
    named = {
        str(facts.get("path")): kind for one in records for kind, facts in one.artifacts.items()
    }
    own = all(one.data is not None and one.data.source == STANDIN for one in records)
    for path in sorted(folder.iterdir()):
        kind = named.get(path.name)
        if kind in TEXTS and not own:
            yield Finding(
                "fail",
                "texts",
                f"{path.name} holds questions and answers of data that is not bundled: remove it "
                "before you publish, or be sure that you may",
            )
        elif kind is None and path.name != RECORD_FILE and path.name not in _FREE_FOLDERS:
            yield Finding("fail", "texts", f"{path.name} is named by no record: remove it")


def _texts_within(record: RunRecord) -> Iterator[Finding]:
    """Say where a record itself holds what may be texts of its data."""
    if record.training is None or (record.data and record.data.source == STANDIN):
        return
    for name in ("wrapper", "report"):
        for place in _texts(getattr(record.training, name), f"training.{name}"):
            yield Finding("warn", "texts", f"{place} is a text: may it be published?")


def _paths(record: RunRecord) -> Iterator[Finding]:
    """Say which folders of the machine a record tells."""
    for name in ("model", "data", "results"):
        path = getattr(record.spec.runtime, name)
        if path.startswith(("/", "~")):
            yield Finding("warn", "paths", f"spec.{name} is {path}: a folder of a machine")


def _texts(value: Any, place: str) -> Iterator[str]:
    if isinstance(value, str):
        if len(value.split()) >= WORDS_OF_A_TEXT:
            yield place
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, f"{place}.{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _texts(item, f"{place}.{index}")
