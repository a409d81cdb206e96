"""Benchmarks as files of the user's: read in place of the hub, by lm-eval's own definitions.

A task's definition is kept; only where its questions come from is replaced, by a YAML file that
includes lm-eval's and names local files. The folder's layout is one file a split, JSON lines with
the fields of the data set on the hub:

    mmlu/test/anatomy.jsonl  arc/ARC-Challenge/test.jsonl  truthfulqa/validation.jsonl  …
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from unharness.cache import cached_folder
from unharness.data.sources import AUTO, DATA_VARIABLE, HUB
from unharness.errors import DataError
from unharness.evaluation.suite_definitions import SPLITS, Definition, short_hash
from unharness.models.file_hashes import remembered_sha256

FOLDER = "general"
"""What the folder is called beside the data of tasks."""
KIND = "suite_tasks"
"""What the written definitions are called in the cache."""
CONFIG = "{config}"


@dataclass(frozen=True)
class _FileSet:
    """A data set of the hub, and how it lies in files."""

    data_set: str
    config: str | None
    """The one that is meant; CONFIG: any, and its name is part of the path."""
    path: str
    splits: tuple[str, ...]


_LAYOUT = (
    _FileSet("cais/mmlu", CONFIG, "mmlu/{split}/{config}.jsonl", ("dev", "validation", "test")),
    _FileSet("allenai/ai2_arc", CONFIG, "arc/{config}/{split}.jsonl", ("validation", "test")),
    _FileSet(
        "truthfulqa/truthful_qa", "multiple_choice", "truthfulqa/{split}.jsonl", ("validation",)
    ),
    _FileSet("lighteval/siqa", None, "siqa/{split}.jsonl", ("validation",)),
    _FileSet("allenai/openbookqa", "main", "openbookqa/{split}.jsonl", ("validation", "test")),
    _FileSet("cais/wmdp", "wmdp-bio", "wmdp/bio.jsonl", ("test",)),
    _FileSet("cais/wmdp", "wmdp-chem", "wmdp/chem.jsonl", ("test",)),
    _FileSet("cais/wmdp", "wmdp-cyber", "wmdp/cyber.jsonl", ("test",)),
    _FileSet("baber/piqa", None, "piqa/{split}.jsonl", ("validation",)),
    _FileSet("allenai/winogrande", "winogrande_xl", "winogrande/{split}.jsonl", ("validation",)),
    _FileSet("aps/super_glue", "boolq", "boolq/{split}.jsonl", ("validation",)),
)


@dataclass(frozen=True)
class LocalData:
    """What a suite reads from files instead of the hub."""

    folder: Path
    files: Mapping[str, Mapping[str, str]]
    """By task of lm-eval: split to file."""
    overrides: Mapping[str, Mapping[str, Any]]
    """By task: its definition, which includes lm-eval's own."""

    def hash_of(self, tasks: Sequence[str]) -> str | None:
        """Return the hash of what these tasks read here: content, no paths; None for nothing."""
        read = {
            task: {split: remembered_sha256(Path(path)) for split, path in self.files[task].items()}
            for task in sorted(tasks)
            if task in self.files
        }
        return short_hash(read) if read else None

    def definitions(self) -> Path:
        """Return a folder of YAML that defines these tasks over these files."""
        key = short_hash(self.overrides)
        return cached_folder(KIND, key, partial(_write, self.overrides))[0]


def find_folder(asked: str, data: str) -> Path | None:
    """Return the folder of benchmarks; None: the hub.

    Args:
        asked: `auto`, `hub`, or a folder of benchmarks, or one that holds `general/`.
        data: where the task's data was asked for; `auto` looks there for `general/`, then in
            `UNHARNESS_DATA`.

    Raises:
        DataError: the folder that is asked for does not exist.
    """
    if asked == HUB:
        return None
    if asked == AUTO:
        roots = [data, os.environ.get(DATA_VARIABLE)]
        found = [Path(root).expanduser() / FOLDER for root in roots if root]
        return next((folder for folder in found if folder.is_dir()), None)
    folder = Path(asked).expanduser()
    if not folder.is_dir():
        raise DataError(f"--suite-data {asked}: no such folder; expected one with {_examples()}")
    return folder / FOLDER if (folder / FOLDER).is_dir() else folder


def local_data(
    folder: Path, definitions: Sequence[Definition], *, required: bool
) -> LocalData | None:
    """Return what of the tasks' data lies in a folder; None for nothing.

    Args:
        folder: of benchmarks.
        definitions: of the tasks.
        required: whether nothing is an error: the user named the folder.

    Raises:
        DataError: nothing lies there and something must.
    """
    files: dict[str, Mapping[str, str]] = {}
    overrides: dict[str, Mapping[str, Any]] = {}
    for one in definitions:
        found = _files(folder.resolve(), one)
        # lm-eval asks the test split, and where there is none the validation split.
        if (one.splits["test_split"] or one.splits["validation_split"]) in found:
            files[one.task] = found
            overrides[one.task] = _override(one, found)
    if files:
        return LocalData(folder, files, overrides)
    if required:
        raise DataError(
            f"--suite-data {folder}: holds nothing that the suite asks; expected {_examples()}"
        )
    return None


def _files(folder: Path, definition: Definition) -> dict[str, str]:
    """Return the files of a task's data set that exist, by split."""
    for one in _LAYOUT:
        if one.data_set == definition.data_set and one.config in (CONFIG, definition.config):
            paths = {
                split: folder / one.path.format(split=split, config=definition.config)
                for split in one.splits
            }
            return {split: str(path) for split, path in paths.items() if path.is_file()}
    return {}


def _override(definition: Definition, files: Mapping[str, str]) -> dict[str, Any]:
    """Return a definition that includes lm-eval's and reads files.

    Splits that are not there are named no more; examples before a question then come from the
    validation split, if that is not what is asked.
    """
    splits = {key: name if name in files else None for key, name in definition.splits.items()}
    lacks = any(definition.splits[key] != splits[key] for key in SPLITS)
    if lacks and splits["test_split"] and not splits["fewshot_split"] and "validation" in files:
        splits["fewshot_split"] = "validation"
    return {
        "include": definition.file,
        "task": definition.task,
        # The tags of lm-eval's own definition stand; named here, too, they would lose all others.
        "tag": None,
        "dataset_path": "json",
        "dataset_name": None,
        "dataset_kwargs": {"data_files": dict(files)},
        **splits,
    }


def _write(overrides: Mapping[str, Mapping[str, Any]], folder: Path) -> None:
    for name, override in overrides.items():
        text = yaml.safe_dump(dict(override), sort_keys=False, allow_unicode=True)
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def _examples() -> str:
    return "such as mmlu/test/anatomy.jsonl, arc/ARC-Challenge/test.jsonl, siqa/validation.jsonl"
