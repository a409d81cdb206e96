"""Which keys a row may have, and how rows become the examples of splits by role and kind."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Literal

from unharness import (
    DataError,
    DataLayout,
    DataPart,
    DataRow,
    Example,
    NamedFiles,
    Role,
    Split,
    StandIn,
)
from unharness_tasks.files.standin import SEED, VERSION, files_standin

Asked = Literal["qa", "completion"]
ROLES: tuple[Role, ...] = ("forget", "retain", "holdout", "utility")
TOGETHER = "facts"
"""The file whose rows say their split themselves."""
LISTS = {
    "paraphrased_prompts": "paraphrase",
    "paraphrased_answers": "paraphrase",
    "wrong_answers": "perturbed",
    "aliases": "alias",
}
"""Keys of lists of texts, and what the core calls these."""
SPLIT = "split"
KEYS = (SPLIT, "group", "id", "prompt", "answer", "text", "options", "correct", *LISTS)
SHARE = 0.2
"""Of the retained groups: evaluated, and read by no method."""
ENOUGH_GROUPS = 20
"""With fewer, intervals are wide."""
EVALUATED = "_eval"
ELSEWHERE = (
    "give --task FILE, or --data FOLDER with facts.jsonl, or with forget.jsonl and retain.jsonl, "
    "or --data standin for bundled facts"
)
NO_RETAIN = (
    "no retain set: nothing says what the model should keep. Methods that read one cannot run, "
    "and neither what was lost nor closeness is measured. Give --retain FILE with facts of the "
    "same kind that are to stay; --suite measures general knowledge"
)


def split_name(role: str, kind: str) -> str:
    """Return the name of the split of a role's rows of one kind; questions have the role's."""
    return role if kind in ("qa", "completion") else f"{role}_{kind}"


def _splits(asked: Asked, teach: bool) -> list[Split]:
    found = []
    for kind in (asked, "text", "choice"):
        for role in ROLES:
            used = role in ("forget", "retain")
            whole = Split(
                split_name(role, kind),
                role,
                kind=kind,
                learned=teach and used,
                trainable=used,
                evaluated=role != "retain",
            )
            if kind == "text":
                whole = replace(whole, generation=None)
            found.append(whole)
            if role == "retain":
                held = replace(whole, trainable=False, evaluated=True)
                found.append(replace(held, name=f"{whole.name}{EVALUATED}"))
    return found


def files_layout(asked: Asked, teach: bool) -> DataLayout:
    """Return where the user's facts are looked for.

    Args:
        asked: whether a prompt is a question, or the beginning of a text.
        teach: whether the target model learns the facts.
    """
    return DataLayout(
        splits=_splits(asked, teach),
        folder="files",
        parts={name: DataPart(f"{name}.jsonl", optional=True) for name in (TOGETHER, *ROLES)},
        repository="",
        elsewhere=ELSEWHERE,
        examples=lambda rows: files_examples(rows, asked),
        standin=StandIn(
            make=lambda: {TOGETHER: files_standin()},
            description=f"bundled stand-in, generator version {VERSION}, seed {SEED}",
        ),
        named=NamedFiles(KEYS, SPLIT, TOGETHER),
    )


def files_examples(rows: Mapping[str, Sequence[DataRow]], asked: Asked) -> dict[str, list[Example]]:
    """Return the examples of every split: by role and kind, retained ones in two parts.

    Raises:
        DataError: a key is unknown, a row is of no kind, or there is nothing to forget.
    """
    found: dict[str, list[Example]] = {}
    for part, own in rows.items():
        for row in own:
            role = _role(row, part)
            kind, example = _example(row, part, asked)
            found.setdefault(split_name(role, kind), []).append(example)
    if not any(name.startswith("forget") for name in found):
        raise DataError("no rows of the split 'forget': they are what a model is to forget")
    return {name: own for name, own in held_out(found).items() if own}


def held_out(examples: Mapping[str, Sequence[Example]]) -> dict[str, list[Example]]:
    """Return the examples with a fifth of the retained groups in splits of their own.

    Those are evaluated, in all kinds of row, and read by no method. A single group is: nothing is
    left to read then. Which groups they are is decided by the groups' names, or by the text of rows
    without one: by no order of rows, no name and no format of files.

    Args:
        examples: by split; those named after the role `retain` are parted.
    """
    retained = [name for name in examples if name.startswith("retain")]
    groups = sorted({_drawn_by(row) for name in retained for row in examples[name]})
    chosen = set(groups[: max(1, int(len(groups) * SHARE))])
    found = {name: list(own) for name, own in examples.items()}
    for name in retained:
        found[name] = [row for row in examples[name] if _drawn_by(row) not in chosen]
        found[f"{name}{EVALUATED}"] = [row for row in examples[name] if _drawn_by(row) in chosen]
    return found


def _drawn_by(row: Example) -> str:
    """Return a hash of a row's group, or of its text where it has none."""
    told = [row.group] if row.group else [row.prompt, row.answer]
    return hashlib.sha256(json.dumps(["retained", SEED, *told]).encode()).hexdigest()


def few_groups(examples: Mapping[str, Sequence[Example]]) -> str:
    """Return which splits have too few groups for narrow intervals, in words; empty for none."""
    counts = {name: len({_group(row) for row in own}) for name, own in examples.items()}
    few = [f"{name} {count}" for name, count in counts.items() if count < ENOUGH_GROUPS]
    return f"fewer than {ENOUGH_GROUPS} groups, so wide intervals: {', '.join(few)}" if few else ""


def _group(row: Example) -> str:
    return row.group or row.id


def _role(row: DataRow, part: str) -> str:
    given = row.optional_text(SPLIT)
    if part == TOGETHER:
        if given not in ROLES:
            raise row.error(f"'split' is {given!r:.40}; expected one of {', '.join(ROLES)}")
        return given
    if given not in ("", part):
        raise row.error(f"'split' is {given!r:.40} in a file of {part}; leave it out")
    return part


def _example(row: DataRow, part: str, asked: Asked) -> tuple[str, Example]:
    """Return the kind and the example of a row."""
    for key in row.values:
        if key not in KEYS:
            near = get_close_matches(str(key), KEYS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(KEYS)}"
            raise row.error(f"unknown key {str(key)!r:.40}; {hint}")
    name = row.optional_text("id") or f"{part}/{row.index:05d}"
    lists = {key: _texts(row, key) for key in LISTS if row.values.get(key)}
    example = Example(
        name,
        "",
        "",
        row.optional_text("group"),
        alternatives={
            LISTS[key]: texts for key, texts in lists.items() if key != "paraphrased_prompts"
        },
        prompts={LISTS[key]: texts for key, texts in lists.items() if key == "paraphrased_prompts"},
    )
    if "text" in row.values:
        if there := [key for key in ("prompt", "answer", "options") if row.values.get(key)]:
            raise row.error(f"has 'text' and {there[0]!r}; a row is one or the other")
        return "text", replace(example, answer=row.text("text"))
    if "options" in row.values:
        return "choice", _choice(row, example)
    if "answer" not in row.values:
        raise row.error("no 'answer'; expected prompt and answer, or text, or options and correct")
    # An empty answer cannot be scored; metrics count it as such.
    return asked, replace(example, prompt=row.text("prompt"), answer=row.optional_text("answer"))


def _texts(row: DataRow, key: str, at_least: int = 1) -> tuple[str, ...]:
    """Return a list of texts; a cell of CSV holds it as JSON: `["one", "two"]`."""
    value = row.values.get(key)
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            row = replace(row, values={**row.values, key: json.loads(value)})
        except ValueError as error:
            raise row.error(f"{key!r} is no list as JSON ({error})") from error
    return row.texts(key, at_least)


def _choice(row: DataRow, example: Example) -> Example:
    options = _texts(row, "options", at_least=2)
    if len(set(options)) < len(options):
        raise row.error("two of the 'options' are the same")
    if "correct" not in row.values:
        raise row.error("no 'correct': the number of the right option, from 0")
    number = row.values["correct"]
    if isinstance(number, str) and number.isdecimal():  # as CSV has numbers
        row = replace(row, values={**row.values, "correct": int(number)})
    gold = row.number("correct", below=len(options))
    given = row.optional_text("answer")
    if given and given != options[gold]:
        raise row.error(f"'answer' is not the option number {gold}; leave it out")
    wrong = tuple(text for at, text in enumerate(options) if at != gold)
    return replace(
        example,
        prompt=row.text("prompt"),
        answer=options[gold],
        alternatives={"perturbed": wrong, **example.alternatives},
        choices=options,
        gold=gold,
    )
