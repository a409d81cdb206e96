"""From a suite's name, or names of lm-eval's tasks, to what will be asked, checked beforehand."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache, cached_property
from importlib.metadata import distribution, version
from pathlib import Path
from typing import Any

import yaml

from unharness.errors import DataError, UsageError, suggestion
from unharness.evaluation.suite import NONE, Suite, SuiteTask
from unharness.records.notes import recall, remember
from unharness.registry import Registry

KIND = "suites"
"""What notes on suites are called in the cache."""
REACH_SECONDS = 5.0
CLOSE = 0.85
"""A name at least this similar to a known one (difflib's ratio) counts as misspelt."""


@cache
def _bundled_manager() -> Any:
    """Return a TaskManager of lm-eval's own definitions: 14,000 files, read once a process."""
    from lm_eval.tasks import TaskManager

    quiet_lm_eval()
    return TaskManager()


@dataclass(frozen=True)
class SuitePlan:
    """A suite, resolved: its tasks exist, and say what they are."""

    name: str
    tasks: tuple[SuiteTask, ...]
    include_path: Path | None
    bundled: bool
    """Whether lm-eval's own definitions are needed; they take seconds to look through."""
    offline: bool
    same_questions: bool = False
    """Whether the tasks ask the same questions in several forms."""
    known: Mapping[str, Any] | None = None
    """The identity, where lm-eval was asked for it before."""

    @cached_property
    def manager(self) -> Any:
        """lm-eval's TaskManager with the definitions that are needed."""
        if self.include_path is None and self.bundled:
            return _bundled_manager()
        from lm_eval.tasks import TaskManager

        quiet_lm_eval()
        path = str(self.include_path) if self.include_path else None
        return TaskManager(include_path=path, include_defaults=self.bundled)

    @cached_property
    def identity(self) -> Mapping[str, Any]:
        """What decides the numbers, as JSON values: content, no paths."""
        if self.known is not None:
            return self.known
        tasks = []
        for task in self.tasks:
            config = _plain(self.manager.task_index[task.name])
            tasks.append(
                {
                    "name": task.name,
                    "shots": task.shots,
                    "metric": task.metric,
                    "version": (config.get("metadata") or {}).get("version"),
                    "config": _hash(config),
                }
            )
        files = _folder_hash(self.include_path) if self.include_path else None
        return {"name": self.name, "tasks": tasks, "files": files}


def plan_suite(text: str, folder: str | Path | None, registry: Registry) -> SuitePlan | None:
    """Return what a suite's name, or comma-separated names of lm-eval's tasks, stand for.

    Args:
        text: `none`, a registered suite, or tasks of lm-eval or of `folder`.
        folder: one of lm-eval YAML of the user's own.
        registry: knows the suites.

    Raises:
        UsageError: a name is unknown; offers the nearest ones.
        DataError: the folder is missing, or a YAML file in it is broken; names the line.
    """
    include_path = Path(folder).expanduser() if folder is not None else None
    if include_path is not None:
        check_yaml(include_path)
    if text == NONE:
        return None
    suite: type[Suite] | None = None
    if text in registry.names("suites"):
        suite = registry.get("suites", text)
        include_path = suite.include_path
    asked = {
        "suite": text,
        "tasks": [asdict(task) for task in suite.tasks] if suite else None,
        "files": _folder_hash(include_path) if include_path else None,
        "lm_eval": lm_eval_version(),
    }
    offline = suite.offline if suite else False
    same = suite.same_questions if suite else False
    if answer := recall(KIND, asked):
        tasks = tuple(SuiteTask(**task) for task in answer["tasks"])
        identity = answer["identity"]
        return SuitePlan(
            identity["name"], tasks, include_path, answer["bundled"], offline, same, identity
        )
    plan = _registered(suite) if suite else _by_names(text, include_path, registry)
    _refuse_unknown(plan, registry)
    if suite is None:
        plan = _with_metrics(plan)
    identity, listed = plan.identity, [asdict(task) for task in plan.tasks]
    if not (plan.bundled and _lm_eval_is_editable()):
        answer = {"tasks": listed, "bundled": plan.bundled, "identity": identity}
        remember(KIND, asked, answer)
    return plan


def _registered(suite: type[Suite]) -> SuitePlan:
    path = suite.include_path
    own = path is not None and all(_defines(path, task.name) for task in suite.tasks)
    tasks = tuple(suite.tasks)
    return SuitePlan(suite.name, tasks, path, not own, suite.offline, suite.same_questions)


def _by_names(text: str, include_path: Path | None, registry: Registry) -> SuitePlan:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise UsageError("--suite is empty; give a suite, names of lm-eval's tasks, or 'none'")
    own = include_path is not None and all(_defines(include_path, name) for name in names)
    if not own:
        _refuse_slips(names, registry)
    tasks = tuple(SuiteTask(name) for name in names)
    return SuitePlan(",".join(names), tasks, include_path, not own, False)


def _with_metrics(plan: SuitePlan) -> SuitePlan:
    """Choose the first metric of each task's definition: nobody said which."""
    index = plan.manager.task_index
    chosen = (replace(task, metric=_first_metric(index[task.name].cfg)) for task in plan.tasks)
    return replace(plan, tasks=tuple(chosen))


def _refuse_slips(names: Sequence[str], registry: Registry) -> None:
    """Report a misspelt name at once: lm-eval reads 14,000 files before it knows its tasks.

    Raises:
        UsageError: a name is all but that of a suite.
    """
    for name in names:
        near = difflib.get_close_matches(name, [*registry.names("suites"), NONE], 1, CLOSE)
        if near:
            raise UsageError(
                f"unknown suite or lm-eval task {name!r}. Did you mean {near[0]}? "
                "'unharness suites' lists suites, 'lm-eval ls tasks' the tasks"
            )


def check_reachable(plan: SuitePlan, registry: Registry) -> None:
    """Load the tasks' data, so that what is missing is told before any training.

    Raises:
        DataError: the hub is needed and out of reach, or the data cannot be loaded.
    """
    if not plan.offline and plan.bundled:
        _probe(plan, registry)
    try:
        plan.manager.load([task.name for task in plan.tasks])
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(
            f"suite {plan.name!r}: its data cannot be loaded ({type(error).__name__}: {reason}). "
            f"{_instead(registry)}"
        ) from error


def quiet_lm_eval() -> None:
    """Keep lm-eval's own chatter off the terminal."""
    import logging

    logging.getLogger("lm_eval").setLevel(logging.ERROR)


def lm_eval_version() -> str:
    """Return the version of lm-eval that is installed."""
    return version("lm-eval")


def _lm_eval_is_editable() -> bool:
    """Return whether its definitions can change while its version stays the same."""
    text = distribution("lm-eval").read_text("direct_url.json")  # PEP 610
    return bool(text) and bool(json.loads(text or "{}").get("dir_info", {}).get("editable"))


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


class _Tolerant(yaml.SafeLoader):
    """Reads `!function name` as the text that it is."""


_Tolerant.add_constructor("!function", lambda loader, node: str(node.value))


def _refuse_unknown(plan: SuitePlan, registry: Registry) -> None:
    known = plan.manager.all_tasks
    for task in plan.tasks:
        if task.name not in known:
            names = [*registry.names("suites"), NONE, *known]
            near = suggestion(task.name, names)
            near = near if len(near) < 300 else ""
            raise UsageError(
                f"unknown suite or lm-eval task {task.name!r}.{near} "
                "'unharness suites' lists suites, 'lm-eval ls tasks' the tasks"
            )


def _first_metric(config: Mapping[str, Any] | None) -> str:
    config = config or {}
    listed = config.get("metric_list") or config.get("aggregate_metric_list") or []
    return str(listed[0]["metric"]) if listed else "acc"


def _probe(plan: SuitePlan, registry: Registry) -> None:
    """Ask the hub a quick question: the libraries' own retries last minutes without a network."""
    where = next(iter(_datasets(plan)), None)
    if where is None:
        return
    if os.environ.get("HF_HUB_OFFLINE", "").lower() not in ("", "0", "false"):
        return  # what is cached can be used, and the rest fails at once
    try:
        from huggingface_hub import HfApi

        HfApi().dataset_info(where, timeout=REACH_SECONDS)
    except Exception as error:
        raise DataError(
            f"suite {plan.name!r} needs the hub ({where}), which cannot be reached "
            f"({type(error).__name__}). {_instead(registry)}"
        ) from error


def _instead(registry: Registry) -> str:
    offline = [n for n in registry.names("suites") if registry.get("suites", n).offline]
    return f"Suites that work offline: {', '.join([*offline, NONE])}"


def _datasets(plan: SuitePlan) -> Iterator[str]:
    """Yield the hub's datasets that the tasks name, those of a group's members too."""
    index = plan.manager.task_index
    waiting = [task.name for task in plan.tasks]
    seen = set()
    while waiting:
        name = waiting.pop(0)
        if not isinstance(name, str) or name in seen or name not in index:
            continue
        seen.add(name)
        config = index[name].cfg or {}
        if "dataset_path" in config and "/" in str(config["dataset_path"]):
            yield str(config["dataset_path"])
        members = config.get("task")
        waiting += members if isinstance(members, list) else []


def _defines(folder: Path, name: str) -> bool:
    from lm_eval.tasks import TaskManager

    quiet_lm_eval()
    return name in TaskManager(include_path=str(folder), include_defaults=False).all_tasks


def _plain(entry: Any) -> Mapping[str, Any]:
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


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _folder_hash(folder: Path) -> str:
    """Return the hash of what a folder of definitions holds: YAML, code and data."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".yaml", ".py", ".json", ".jsonl", ".csv"):
            digest.update(f"{path.relative_to(folder)}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:16]
