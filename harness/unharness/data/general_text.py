"""General text, for the methods that keep a model close to what it says of other things."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unharness.data.examples import Example, Split
from unharness.data.general import DESCRIPTION, rehearsal_examples
from unharness.data.pairs import pairs_to_examples
from unharness.data.sources import hub_revision, is_hub
from unharness.data.task_data import TaskData
from unharness.errors import DataError, UsageError
from unharness.hub import HubName

AUTO, BUNDLED = "auto", "bundled"
# 1,000 texts that papers on unlearning take as data out of the task's distribution.
HUB_REPOSITORY, HUB_CONFIG, HUB_SPLIT = "llmunlearn/unlearn_dataset", "general", "evaluation"
PROMPT_KEY, ANSWER_KEY = "text", "labels"


@dataclass(frozen=True)
class GeneralText:
    """Texts, or questions with answers, that have nothing to do with a task."""

    examples: tuple[Example, ...]
    description: str
    revision: str = ""
    """The commit of the hub's dataset, where it came from there."""

    @property
    def split(self) -> Split:
        """The same as a split that methods may read and nothing else uses."""
        return Split("general", "general", learned=False, evaluated=False, examples=self.examples)


def find_general(requested: str, data: TaskData, *, bundled: bool) -> GeneralText | None:
    """Return general text: what the user wants, the task's own, the bundled; None: there is none.

    Args:
        requested: as in `load_general`, or `auto`.
        data: of the task.
        bundled: whether the bundled facts serve where the task brings none.

    Raises:
        DataError, UsageError: as `load_general`.
    """
    if requested != AUTO:
        return load_general(requested)
    if own := data.trainable("general"):
        rows = tuple(row for split in own for row in split.examples)
        return GeneralText(rows, f"the task's own ({data.origin.description})")
    return load_general(BUNDLED) if bundled else None


def load_general(requested: str) -> GeneralText:
    """Read general text from where the user wants it.

    Args:
        requested: `bundled` (the half of the bundled facts that no suite asks), `hub`,
            `hub@REVISION`, or a file: a JSON list or JSON lines of strings, of objects with
            `text`, or of objects with `text` and `labels` (question and answer); or plain text,
            of which every paragraph is a text.

    Raises:
        DataError: it is not there, or malformed; names file and item.
        UsageError: nothing was named.
    """
    if not requested.strip():
        raise UsageError("--general is empty; give a file, 'bundled' or 'hub'")
    if requested == BUNDLED:
        return GeneralText(rehearsal_examples(), DESCRIPTION)
    if is_hub(requested):
        from unharness.data.hub import all_rows, dataset_commit

        instead = "--general FILE or bundled"
        name = HubName(HUB_REPOSITORY, hub_revision(requested, "--general"))
        commit = dataset_commit(name, instead)
        rows = all_rows(HubName(HUB_REPOSITORY, commit), HUB_CONFIG, HUB_SPLIT, instead)
        place = f"hub dataset {HUB_REPOSITORY} ({HUB_CONFIG}, {HUB_SPLIT})"
        return GeneralText(_examples(rows, place), f"{place} at {commit}", commit)
    path = Path(requested).expanduser()
    return GeneralText(_examples(_read(path), str(path)), str(path))


def _read(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: general text cannot be read ({error})") from error
    if path.suffix == ".jsonl":
        return [_parsed(line, f"{path}: line {n}") for n, line in _numbered(text) if line.strip()]
    if path.suffix == ".json":
        return _parsed(text, str(path))
    return [part.strip() for part in text.split("\n\n") if part.strip()]


def _numbered(text: str) -> list[tuple[int, str]]:
    return list(enumerate(text.splitlines(), start=1))


def _parsed(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{place}: not JSON ({error})") from error


def _examples(rows: Any, place: str) -> tuple[Example, ...]:
    if not isinstance(rows, list):
        raise DataError(f"{place}: expected a list of texts")
    if not rows:
        raise DataError(f"{place}: holds no text; expected at least one")
    # A text alone is an answer without a question: it is scored whole.
    alone = [
        isinstance(row, str) or (isinstance(row, dict) and ANSWER_KEY not in row) for row in rows
    ]
    paired = [
        {PROMPT_KEY: "-", ANSWER_KEY: row if isinstance(row, str) else row.get(PROMPT_KEY)}
        if single
        else row
        for row, single in zip(rows, alone, strict=True)
    ]
    found = pairs_to_examples(paired, place, "general", PROMPT_KEY, ANSWER_KEY)
    return tuple(
        Example(example.id, "" if single else example.prompt, example.answer)
        for example, single in zip(found, alone, strict=True)
    )
