"""lm-eval's definitions of tasks: read, checked, and identified by content."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from unharness.errors import DataError

SPLITS = ("training_split", "validation_split", "test_split", "fewshot_split")
"""The fields of a definition that name splits of its data set."""
TAG = "TAG"
"""What lm-eval calls the kind of a name that stands for several tasks and has no number."""


@dataclass(frozen=True)
class Definition:
    """Where a task is defined, and which data set of the hub its questions are of."""

    task: str
    file: str
    """The YAML file."""
    data_set: str | None
    """`org/name`; None where the task reads something else."""
    config: str | None
    """Of the data set."""
    splits: Mapping[str, str | None]
    """By the names in SPLITS."""


@cache
def bundled_manager() -> Any:
    """Return a TaskManager of lm-eval's own definitions: 14,000 files, read once a process."""
    from lm_eval.tasks import TaskManager

    quiet_lm_eval()
    return TaskManager()


def manager_of(folders: Sequence[str | Path], *, bundled: bool) -> Any:
    """Return a TaskManager of folders of definitions; where two define a name, the last counts.

    Args:
        folders: of YAML files.
        bundled: whether lm-eval's own definitions are looked through before them.
    """
    from lm_eval.tasks import TaskManager

    quiet_lm_eval()
    if bundled and not folders:
        return bundled_manager()
    return TaskManager(include_path=[str(one) for one in folders], include_defaults=bundled)


def defines(folder: Path, name: str) -> bool:
    """Return whether a folder of definitions has a task or group of that name."""
    return name in manager_of([folder], bundled=False).all_tasks


def definitions(index: Mapping[str, Any], name: str) -> list[Definition] | None:
    """Return the definitions of a task, or of all members of a group or tag.

    Args:
        index: lm-eval's, by name.
        name: of a task, group or tag.

    Returns:
        None where a member is defined inside its group: it has no definition of its own.
    """
    try:
        return [
            _definition(entry, from_data_set=whole)
            for entry, whole in _walk(index, name, True)
            if entry.yaml_path and "task" in (entry.cfg or {}) and "group" not in entry.cfg
        ]
    except KeyError:
        return None


def folders_of(index: Mapping[str, Any], name: str) -> set[str] | None:
    """Return the folders that define a task or group and all that it needs; None if unclear."""
    try:
        return {str(one.yaml_path.parent) for one, _ in _walk(index, name, True) if one.yaml_path}
    except KeyError:
        return None


def first_metric(config: Mapping[str, Any] | None) -> str:
    """Return the metric that a definition names first."""
    config = config or {}
    listed = config.get("metric_list") or config.get("aggregate_metric_list") or []
    return str(listed[0]["metric"]) if listed else "acc"


def plain_definition(entry: Any) -> Mapping[str, Any]:
    """Return a definition without the place where it lies."""
    folder = str(entry.yaml_path.parent) if entry.yaml_path else ""

    def strip(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {str(key): strip(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [strip(item) for item in value]
        return str(value).replace(folder, "") if isinstance(value, str | Path) else value

    plain: Mapping[str, Any] = strip(entry.cfg or {})
    return plain


def short_hash(value: Any) -> str:
    """Return the first 16 digits of the SHA-256 of a JSON value."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]


def folder_hash(folder: Path) -> str:
    """Return the hash of what a folder of definitions holds: YAML, code and data."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".yaml", ".py", ".json", ".jsonl", ".csv"):
            digest.update(f"{path.relative_to(folder)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def check_yaml(folder: Path) -> None:
    """Refuse a folder that is missing, or that holds YAML which cannot be parsed.

    lm-eval itself leaves such files out without a word.

    Raises:
        DataError: names the file, and the line where there is one.
    """
    if not folder.is_dir():
        raise DataError(f"--include-path {folder}: no such folder; expected one of lm-eval's YAML")
    for path in sorted(folder.glob("**/*.yaml")):
        try:
            yaml.load(path.read_text(encoding="utf-8-sig"), Loader=_Tolerant)  # noqa: S506
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: cannot be read ({error})") from error
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f", line {mark.line + 1}" if mark else ""
            problem = getattr(error, "problem", None) or " ".join(str(error).split())
            raise DataError(f"{path}{line}: not YAML ({problem})") from error
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}: YAML that cannot be used ({error})") from error


def quiet_lm_eval() -> None:
    """Keep lm-eval's own chatter off the terminal."""
    logging.getLogger("lm_eval").setLevel(logging.ERROR)


def lm_eval_version() -> str:
    """Return the version of lm-eval that is installed."""
    return version("lm-eval")


def lm_eval_folder() -> str:
    """Return where lm-eval is installed; it is not imported."""
    spec = find_spec("lm_eval")
    return str(next(iter((spec and spec.submodule_search_locations) or ()), ""))


def lm_eval_is_editable() -> bool:
    """Return whether its definitions can change while its version stays the same."""
    text = distribution("lm-eval").read_text("direct_url.json")  # PEP 610
    return bool(text) and bool(json.loads(text or "{}").get("dir_info", {}).get("editable"))


class _Tolerant(yaml.SafeLoader):
    """Reads `!function name` as the text that it is."""


_Tolerant.add_constructor("!function", lambda loader, node: str(node.value))


def _walk(index: Mapping[str, Any], name: str, whole: bool) -> Iterator[tuple[Any, bool]]:
    """Yield the entry of a name and those of its members, and whether its data set is its own.

    A group may give its members another data set than their definitions name.

    Raises:
        KeyError: a member has no entry.
    """
    entry = index[name]
    yield entry, whole
    members: Sequence[Any] = ()
    if entry.kind.name == TAG:
        members = sorted(entry.tags)
    elif isinstance((entry.cfg or {}).get("task"), list):
        members = entry.cfg["task"]
        whole = whole and not _names_data(entry.cfg)
    for member in members:
        if isinstance(member, Mapping):
            inner = str(member.get("task") or member.get("group"))
            yield from _walk(index, inner, whole and not _names_data(member))
        else:
            yield from _walk(index, member, whole)


def _names_data(config: Mapping[str, Any]) -> bool:
    return any(key.startswith("dataset_") or key in SPLITS for key in config)


def _definition(entry: Any, *, from_data_set: bool) -> Definition:
    config = entry.cfg
    path, name = config.get("dataset_path"), config.get("dataset_name")
    known = from_data_set and isinstance(path, str) and not config.get("custom_dataset")
    return Definition(
        task=entry.name,
        file=str(entry.yaml_path),
        data_set=path if known else None,
        config=None if name is None else str(name),
        splits={key: config.get(key) for key in SPLITS},
    )
