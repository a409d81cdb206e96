"""LUME's two files, and how their rows become examples."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from unharness import DataLayout, DataPart, DataRow, Example, Generation, Role, Split, StandIn
from unharness_tasks.answers import evaluated_answer
from unharness_tasks.lume.standin import SEED, VERSION, lume_standin

TASKS = "123"
"""Stories, invented biographies with personal data, real biographies."""
ROWS = {"forget": 2732, "retain": 2734}
FIELDS = ("id", "input", "output", "task")
COMPLETION, QUESTION = "completion", "qa"
KINDS = {"sc": COMPLETION, "qa": QUESTION}
"""By the mark in an id's ending."""
NON_MEMBERS = "holdout"
GENERATED = {COMPLETION: Generation(max_new_tokens=128), QUESTION: Generation(max_new_tokens=48)}
"""The longest answers have 492 and 119 characters. The paper's numbers are not published."""
SOURCE = (
    "take forget.jsonl and retain.jsonl from github.com/amazon-science/lume-llm-unlearning (data/) "
    "and give --data FOLDER, or --data standin for the bundled data"
)
_ID = re.compile(r'"?(?P<document>[^"]+)"?(?P<kind>sc|qa)(?P<number>\d+)')


def split_name(role: str, task: str, kind: str) -> str:
    """Return the name of the split of a role, a task (`1` … `3`) and a kind of example."""
    return f"{role}_task{task}_{kind}"


def lume_layout(tasks: Collection[str]) -> DataLayout:
    """Return where LUME's data is looked for.

    Args:
        tasks: which of the three are read.
    """
    roles: tuple[Role, ...] = ("forget", "retain")
    splits = [
        Split(
            split_name(role, task, kind),
            role,
            kind="completion" if kind == COMPLETION else "qa",
            generation=GENERATED[kind],
        )
        for role in roles
        for task in TASKS
        if task in tasks
        for kind in (COMPLETION, QUESTION)
    ]
    # The members that an attack looks for are completions; so are those that no model learned.
    splits.append(
        Split(
            NON_MEMBERS,
            "holdout",
            kind="completion",
            learned=False,
            trainable=False,
            generation=None,
        )
    )
    return DataLayout(
        splits=tuple(splits),
        folder="lume",
        parts={
            **{
                role: DataPart(f"{role}.jsonl", keys=FIELDS, rows=ROWS[role], otherwise=SOURCE)
                for role in roles
            },
            NON_MEMBERS: DataPart(f"{NON_MEMBERS}.jsonl", keys=FIELDS, optional=True),
        },
        repository="",
        elsewhere=SOURCE,
        examples=lambda rows: lume_examples(rows, tasks),
        standin=StandIn(
            make=lume_standin,
            description=f"bundled stand-in, generator version {VERSION}, seed {SEED}",
        ),
    )


def lume_examples(
    rows: Mapping[str, Sequence[DataRow]], tasks: Collection[str]
) -> dict[str, list[Example]]:
    """Return the examples of every split.

    An example's id is the row's without quotes, and its group the document before the ending.

    Raises:
        DataError: an id does not say its kind, or a row is of no task of LUME's.
    """
    found: dict[str, list[Example]] = {}
    for part, own in rows.items():
        for row in own:
            task, kind, example = _example(row)
            if task not in tasks:
                continue
            name = NON_MEMBERS if part == NON_MEMBERS else split_name(part, task, kind)
            if part != NON_MEMBERS or kind == COMPLETION:
                found.setdefault(name, []).append(example)
    return found


def _example(row: DataRow) -> tuple[str, str, Example]:
    """Return task, kind and example of a row."""
    text = row.text("id")
    named = _ID.fullmatch(text)
    if named is None:
        raise row.error(
            f"the id {text!r:.60} ends in neither sc<number> (a completion) nor qa<number> (a "
            "question)"
        )
    label = row.text("task")
    if label not in [f"Task{task}" for task in TASKS]:
        raise row.error(f"'task' is {label!r:.40}; expected Task1, Task2 or Task3")
    document, kind = named["document"], KINDS[named["kind"]]
    prompt, answer = row.text("input"), evaluated_answer(row, "output")
    if kind == COMPLETION and answer and not prompt[-1].isspace() and not answer[0].isspace():
        answer = f" {answer}"  # the text was cut at a space
    name = f"{document}{named['kind']}{named['number']}"
    return label[-1], kind, Example(name, prompt, answer, group=document)
