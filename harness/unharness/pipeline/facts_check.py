"""What can be said of a user's facts before anything is trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Literal, get_args

from pydantic import ValidationError

from unharness import defaults
from unharness.data.encoding import encode_examples
from unharness.data.examples import Example, Split
from unharness.data.named_task import make_task
from unharness.data.overlaps import (
    NEAR,
    Pair,
    Placed,
    answers_within,
    contradictions,
    near_pairs,
    placed,
    repeats,
    shared_groups,
)
from unharness.data.sources import DataSource
from unharness.data.task import Task
from unharness.data.task_data import TaskData
from unharness.errors import PluginError, UnharnessError
from unharness.evaluation.columns import CompositeColumn, MetricColumn, resolve_columns
from unharness.evaluation.requests import ANSWER, PROMPT, Choices
from unharness.evaluation.uses import MetricUse, uses_of
from unharness.models.source import find_base_model
from unharness.pipeline.data_choice import load_data
from unharness.pipeline.settings import positions_of
from unharness.progress import Progress
from unharness.reference_rows import row_of
from unharness.registry import Registry
from unharness.safe_text import shortened
from unharness.unlearning.stream_check import require_streams

Level = Literal["error", "warning", "note"]
LEVELS: tuple[Level, ...] = get_args(Level)
ENOUGH_GROUPS = 20
"""With fewer groups intervals are wide."""
MOST_EXAMPLES = 5
"""Of a problem: how many are shown."""
LONGEST_TEXT = 60
NO_LIMIT = 10**9


@dataclass(frozen=True)
class Problem:
    """Something that is wrong with the facts, or that should be known of them."""

    level: Level
    """An error: a run would refuse the facts, or say nothing."""
    text: str
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class SplitFacts:
    """One set of examples."""

    name: str
    role: str
    kind: str
    examples: int
    groups: int
    learned: bool
    read: bool
    """Whether methods may read it."""
    evaluated: bool
    empty_answers: int
    variants: Mapping[str, int]
    """By kind of other question or answer: how many examples have it."""


@dataclass(frozen=True)
class Lengths:
    """How long the examples of a split are, in tokens of the model."""

    split: str
    shortest: int
    median: float
    longest: int
    cut: int
    """Examples that are longer than the maximum length: the rest is neither learned nor scored."""
    long_answers: int
    """Answers that are longer than what is generated."""


@dataclass(frozen=True)
class Availability:
    """Whether a method or a column has what it needs."""

    name: str
    available: bool
    reason: str = ""
    """What is missing; of a column that is available also what it waits for."""


@dataclass(frozen=True)
class FactsReport:
    """All that was found."""

    files: tuple[str, ...]
    data_hash: str
    splits: tuple[SplitFacts, ...]
    problems: tuple[Problem, ...]
    lengths: tuple[Lengths, ...]
    limits: Mapping[str, Any]
    """In tokens: of an example, of a generated answer, and of the model; None: not known."""
    methods: tuple[Availability, ...]
    columns: tuple[Availability, ...]

    @property
    def ok(self) -> bool:
        """Whether a run can use the facts."""
        return all(one.level != "error" for one in self.problems)

    def as_json(self) -> dict[str, Any]:
        """Return the same as JSON values."""
        return {"ok": self.ok, **asdict(self)}


def check_facts(
    source: DataSource, model: str | None, registry: Registry, progress: Progress
) -> FactsReport:
    """Check a user's facts.

    Args:
        source: of the facts.
        model: whose tokens are counted; None: none are.
        registry: knows the methods and metrics.
        progress: told what is fetched.

    Raises:
        DataError: the facts cannot be read, or there are none.
        ModelError: there is no such model.
    """
    task = make_task(defaults.FILES_TASK, registry)
    data = load_data(task, source, registry)
    problems = [*_problems(data), *(Problem("warning", note) for note in data.origin.notes)]
    lengths: list[Lengths] = []
    limits: dict[str, Any] = {"example": task.max_length, "answer": task.max_new_tokens}
    if model is not None:
        lengths, limits["model"] = _lengths(data, task, model, registry, progress)
        problems += _length_problems(lengths, limits)
    return FactsReport(
        files=tuple(dict.fromkeys(data.origin.files.values())),
        data_hash=data.content_hash(),
        splits=tuple(_split_facts(split) for split in data.splits.values()),
        problems=tuple(sorted(problems, key=lambda one: LEVELS.index(one.level))),
        lengths=tuple(lengths),
        limits=limits,
        methods=tuple(_methods(data, task, registry)),
        columns=tuple(_columns(data, task, registry)),
    )


def _split_facts(split: Split) -> SplitFacts:
    variants: dict[str, int] = {}
    for row in split.examples:
        for kind in (*row.prompts, *row.alternatives):
            variants[kind] = variants.get(kind, 0) + 1
    return SplitFacts(
        split.name,
        split.role,
        split.kind,
        len(split),
        len({row.group or row.id for row in split.examples}),
        split.learned,
        split.trainable,
        split.evaluated,
        sum(not row.answer.strip() for row in split.examples),
        variants,
    )


def _problems(data: TaskData) -> Iterator[Problem]:
    splits = tuple(data.splits.values())
    rows = placed(splits)
    forget, retain = (placed(splits, role) for role in ("forget", "retain"))
    if all(not row.example.answer.strip() for row in forget):
        yield Problem("error", "no answer to forget: every answer is empty")
    elif empty := [row for row in rows if not row.example.answer.strip()]:
        yield _listed("warning", "empty answers: they are not scored", map(_named, empty))
    again = list(repeats(rows))
    refused = [pair for pair in again if _refused(pair)]
    if refused:
        text = "the same question and answer twice: a run refuses that"
        yield _listed("error", text, map(_pair_named, refused))
    crossing = [pair for pair in again if pair not in refused]
    if crossing:
        text = "the same question and answer twice, apart from case and marks"
        yield _listed("warning", text, map(_pair_named, crossing))
    if found := list(contradictions(rows)):
        text = "one question with two answers"
        yield _listed("warning", text, map(_pair_named, found))
    if found := list(near_pairs(forget, retain)):
        text = f"nearly the same to forget and to retain ({NEAR:.0%} of the letters or more)"
        yield _listed("warning", text, map(_pair_named, found))
    if found := list(answers_within(forget, retain)):
        text = "answers to forget that stand in what is to be retained: they are taught again"
        yield _listed("warning", text, map(_pair_named, found))
    if groups := shared_groups(forget, retain):
        text = "groups with facts to forget and facts to retain; fine, if it is meant"
        yield _listed("note", text, groups)
    if not any(row.example.group for row in rows):
        yield Problem(
            "note",
            "no row has a group: every row counts as a subject of its own, and facts about one "
            "person or document may be parted between training and test; give 'group'",
        )
    ids = [row.example.id for row in rows]
    if twice := sorted({one for one in ids if ids.count(one) > 1}) if _repeated(ids) else []:
        yield _listed("warning", "ids that stand twice", twice)
    for split in splits:
        groups_there = {row.group or row.id for row in split.examples}
        if split.evaluated and len(groups_there) < ENOUGH_GROUPS:
            yield Problem(
                "note",
                f"{split.name}: {len(groups_there)} groups; with fewer than {ENOUGH_GROUPS} "
                "intervals are wide",
            )


def _repeated(ids: Sequence[str]) -> bool:
    return len(set(ids)) < len(ids)


def _refused(pair: Pair) -> bool:
    """Whether a run refuses a pair: the same text to the letter, where it may stand once."""
    one, other = pair.one, pair.other
    texts = [(row.example.prompt.strip(), row.example.answer.strip()) for row in (one, other)]
    if texts[0] != texts[1]:
        return False
    return one.split == other.split or not {one.role, other.role} <= {"holdout", "utility"}


def _listed(level: Level, text: str, examples: Any) -> Problem:
    found = list(examples)
    return Problem(level, f"{len(found)} × {text}", tuple(found[:MOST_EXAMPLES]))


def _named(row: Placed) -> str:
    text = row.example.prompt or row.example.answer
    return f"{row.split} {row.example.id}: {shortened(text, LONGEST_TEXT)}"


def _pair_named(pair: Pair) -> str:
    likeness = f" ({pair.likeness:.0%} alike)" if pair.likeness < 1 else ""
    return f"{_named(pair.one)} | {_named(pair.other)}{likeness}"


def _lengths(
    data: TaskData, task: Task, model: str, registry: Registry, progress: Progress
) -> tuple[list[Lengths], int | None]:
    """Return the lengths by split, and the model's own limit, where it names one."""
    base = find_base_model(model, registry)
    base.prepare(progress)
    config, tokenizer = base.config_and_tokenizer(data)
    limit = positions_of(config)
    if tokenizer is None:
        return [], limit
    found = []
    for split in data.splits.values():
        template = split.template or task.template or base.template()
        kind = "qa" if split.kind == "text" else split.kind
        rows = encode_examples(
            tokenizer, split.examples, NO_LIMIT, end_token=True, template=template, kind=kind
        )
        sizes = [len(row.input_ids) for row in rows]
        windows = split.kind in ("text", "completion")  # longer ones go on in a further window
        found.append(
            Lengths(
                split.name,
                min(sizes),
                median(sizes),
                max(sizes),
                0 if windows else sum(size > task.max_length for size in sizes),
                0 if windows else sum(row.scored - 1 > task.max_new_tokens for row in rows),
            )
        )
    return found, limit if isinstance(limit, int) else None


def _length_problems(lengths: Sequence[Lengths], limits: Mapping[str, Any]) -> Iterator[Problem]:
    for one in lengths:
        if one.cut:
            yield Problem(
                "warning",
                f"{one.split}: {one.cut} examples are longer than {limits['example']} tokens; the "
                f"rest is cut off (--max-length {one.longest})",
            )
        if one.long_answers:
            yield Problem(
                "warning",
                f"{one.split}: {one.long_answers} answers are longer than the "
                f"{limits['answer']} tokens that are generated (--max-new-tokens)",
            )
    longest = max((one.longest for one in lengths), default=0)
    if limits["model"] and min(longest, limits["example"]) > limits["model"]:
        yield Problem(
            "error",
            f"the longest example has {longest} tokens, and the model takes {limits['model']} "
            f"(--max-length {limits['model']})",
        )


def _methods(data: TaskData, task: Task, registry: Registry) -> Iterator[Availability]:
    """Yield which methods have what they need under their default hyperparameters."""
    for name in registry.names("methods"):
        if row_of(name, registry):
            continue
        try:
            with registry.named("methods", name):
                found = registry.get("methods", name)
                method = found(found.Config())
                roles = {stream.role for stream in method.streams().values()}
            if "general" in roles and not data.trainable("general"):
                yield Availability(name, False, "general text: --general FILE, bundled or hub")
                continue
            require_streams(method, data, "your file")
        except (UnharnessError, ValidationError) as error:
            reason = str(error).removeprefix(f"method {name!r} needs ")
            yield Availability(name, False, shortened(" ".join(reason.split()), 200))
        else:
            yield Availability(name, True)


def _columns(data: TaskData, task: Task, registry: Registry) -> Iterator[Availability]:
    """Yield which columns will have a value."""
    evaluated = {split.name: split for split in data.evaluated()}
    uses = uses_of(task, registry)
    columns = resolve_columns(uses, evaluated, registry)
    there: dict[str, Availability] = {}
    for column in columns:
        if isinstance(column, CompositeColumn):
            missing = [name for name in column.of if name in there and not there[name].available]
            reason = f"needs {', '.join(missing)}" if missing else ""
            there[column.label] = Availability(column.label, not missing, reason)
        else:
            there[column.label] = _column(column, evaluated)
    known = {column.label for column in columns}
    yield from there.values()
    for use in uses:
        label: str
        names: tuple[str | None, ...]
        if isinstance(use, MetricUse):
            label, names = str(use.own_label()), (use.split, use.against)
        else:
            label, names = use.label, ()
        if label not in known:
            absent = [name for name in names if name and name not in evaluated]
            yield Availability(label, False, f"no rows of {' and '.join(absent) or 'its splits'}")


def _column(column: MetricColumn, evaluated: Mapping[str, Split]) -> Availability:
    counts: list[int] = []
    reason = ""
    with suppress(PluginError):
        for name in column.splits:
            for part in column.metric.observes().parts():
                examples = evaluated[name].examples
                count = sum(_has(row, part) for row in examples)
                counts.append(count)
                if count < len(examples):
                    kinds = [
                        kind
                        for kind in (*getattr(part, "prompts", ()), *getattr(part, "answers", ()))
                        if kind not in (PROMPT, ANSWER)
                    ]
                    what = f"{', '.join(kinds)} texts" if kinds else "an answer"
                    reason = f"{count} of {len(examples)} rows of {name} have {what}"
    if any(count == 0 for count in counts):
        return Availability(column.label, False, reason)
    if waits := sorted(column.metric.references):
        reason = "; ".join(
            filter(None, [reason, f"needs {', '.join(waits)} rows: sweep makes them"])
        )
    return Availability(column.label, True, reason)


def _has(row: Example, part: Any) -> bool:
    """Whether an example has the texts that a request asks for."""
    if isinstance(part, Choices):
        return bool(row.choices)
    prompts, answers = getattr(part, "prompts", (PROMPT,)), getattr(part, "answers", (ANSWER,))
    return all(kind == PROMPT or row.prompts.get(kind) for kind in prompts) and all(
        row.answer.strip() if kind == ANSWER else row.alternatives.get(kind) for kind in answers
    )
