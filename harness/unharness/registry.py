"""Discovery of plugins, and the registry of what they bring.

Built-ins and third parties come through the same entry-point group, `unharness`; a file that the
user names is a plugin as well. A plugin that
fails costs only itself: it is kept in `Registry.plugins` with its error; the others still load.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

from unharness import hookspecs
from unharness.errors import PluginError, UnharnessError, UnknownNameError
from unharness.installed_plugins import EntryPoint, installed
from unharness.kinds import KINDS
from unharness.plugin_files import (
    content_version,
    load_file,
    module_name,
    name_files,
    named_files,
)
from unharness.reference_rows import REFERENCE_ROWS
from unharness.safe_text import one_line, shortened

if TYPE_CHECKING:
    from importlib import metadata

GROUP = "unharness"
OWN_DISTRIBUTION = "unharness"
ALLOW_VARIABLE = "UNHARNESS_PLUGINS_ALLOW"
LONGEST_REASON = 500
"""In characters: of what a plugin raised."""
NAME_PATTERN = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")

USE = "unharness.evaluation.uses:Use"
"""What a column of a task is."""

# What plugins bring as values by name, and the type of the values.
VALUES: dict[str, type] = {"prompts": str, "published_results": Path, "reference_rows": str}
# The names that values of a kind may have, where they are not free.
VALUE_NAMES: dict[str, tuple[str, ...]] = {"reference_rows": REFERENCE_ROWS}


@dataclass(frozen=True)
class Ref:
    """Names a class without importing it, so that listing a plugin costs nothing.

    `path` is "package.module:Class"; `name` and `summary` must equal the class's own.
    """

    path: str
    name: str
    summary: str
    listed: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """What the list of its kind shows besides: of a method `family`, `needs` and `evidence`, as
    `unharness methods show` gives them."""


@dataclass
class PluginInfo:
    """One plugin: where it comes from, what it brings, and what went wrong with it, if anything."""

    name: str
    distribution: str
    version: str
    module: str
    provides: dict[str, list[str]] = field(default_factory=dict)
    hooks: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def builtin(self) -> bool:
        """Whether the plugin is part of unharness itself."""
        return _normal(self.distribution) == OWN_DISTRIBUTION


@dataclass(frozen=True)
class Entry:
    """One registered name: a Ref or a class, and the plugin that brought it."""

    name: str
    summary: str
    target: Any
    plugin: PluginInfo


class Registry:
    """What all plugins bring, by kind and name."""

    def __init__(self, manager: pluggy.PluginManager) -> None:
        self.manager = manager
        self.plugins: list[PluginInfo] = []
        self._entries: dict[str, dict[str, Entry]] = {kind: {} for kind in KINDS}
        self._values: dict[str, dict[str, Any]] = {kind: {} for kind in VALUES}
        self._task_metrics: dict[str, dict[str, tuple[Any, PluginInfo]]] = {}

    def entries(self, kind: str) -> list[Entry]:
        """Return everything of a kind, sorted by name."""
        return [entry for _, entry in sorted(self._entries[kind].items())]

    def names(self, kind: str) -> list[str]:
        """Return the registered names of a kind, sorted."""
        return sorted(self._entries[kind])

    def values(self, kind: str) -> dict[str, Any]:
        """Return the values of a kind in VALUES, by name."""
        return dict(self._values[kind])

    def entry(self, kind: str, name: str) -> Entry:
        """Return the entry of that name.

        Raises:
            UnknownNameError: nothing is registered under it; says what is near, and names the
                plugins that failed, since one of them may have been meant.
        """
        try:
            return self._entries[kind][name]
        except KeyError:
            raise UnknownNameError(
                kind.removesuffix("s"), name, self.names(kind), self._failure_note(name)
            ) from None

    def get(self, kind: str, name: str) -> Any:
        """Return the class registered under a name, importing it if need be.

        Raises:
            UnknownNameError: as in `entry`.
            PluginError: the class cannot be imported, or is not what the kind asks for.
        """
        entry = self.entry(kind, name)
        target = entry.target
        if isinstance(target, Ref):
            try:
                target = resolve_path(target.path)
            except Exception as error:
                raise PluginError(
                    f"{self.called(kind, name)} cannot be loaded: {_words(error)}"
                ) from error
            problem = _contract_problem(kind, target)
            if not problem and target.name != name:
                problem = f"{entry.target.path} is named {target.name!r}, not {name!r}"
            if problem:
                raise PluginError(f"{entry.plugin.name!r} ({_origin(entry.plugin)}): {problem}")
        return target

    def called(self, kind: str, name: str) -> str:
        """Return what to call one registered name where it fails, with plugin and distribution."""
        words = f"{kind.removesuffix('s')} {name!r}"
        entry = self._entries[kind].get(name)
        if entry is None:
            return words
        return f"{words} of plugin {entry.plugin.name!r} ({_origin(entry.plugin)})"

    @contextmanager
    def named(self, kind: str, name: str) -> Iterator[None]:
        """Name a plugin's class in whatever its code raises within the block.

        Raises:
            PluginError: the code raised something; in one line, with kind, name and plugin.
            UnharnessError: the code raised it; it speaks to the user already.
        """
        try:
            yield
        except UnharnessError:
            raise
        except (Exception, SystemExit) as error:
            raise PluginError(f"{self.called(kind, name)} failed: {_words(error)}") from error

    def add(self, kind: str, item: Any, plugin: PluginInfo) -> None:
        """Register one item of a plugin; a problem is kept with the plugin, not raised."""
        if not isinstance(item, Ref):
            problem = _contract_problem(kind, item)
            if problem:
                plugin.errors.append(problem)
                return
        name, summary = item.name, item.summary
        if not isinstance(name, str) or not NAME_PATTERN.fullmatch(name):
            plugin.errors.append(
                f"{kind.removesuffix('s')} name {name!r} is not allowed: lower-case letters, "
                "digits, '.', '_' and '-', at most 64"
            )
            return
        taken = self._entries[kind].get(name)
        if taken:
            plugin.errors.append(
                f"{kind.removesuffix('s')} {name!r} is already registered by "
                f"{taken.plugin.name!r} ({_origin(taken.plugin)})"
            )
            return
        self._entries[kind][name] = Entry(name, str(summary), item, plugin)
        plugin.provides.setdefault(kind, []).append(name)

    def add_value(self, kind: str, name: Any, value: Any, plugin: PluginInfo) -> None:
        """Register a value under a name; a problem is kept with the plugin, not raised."""
        known = VALUE_NAMES.get(kind)
        if not isinstance(name, str) or not NAME_PATTERN.fullmatch(name):
            plugin.errors.append(f"unharness_{kind}(): name {name!r} is not allowed")
        elif known and name not in known:
            plugin.errors.append(f"unharness_{kind}(): {name!r} is none of {', '.join(known)}")
        elif not (isinstance(value, VALUES[kind]) and value):
            expected = VALUES[kind].__name__
            plugin.errors.append(f"unharness_{kind}(): {name!r} is {value!r}, not a {expected}")
        elif name in self._values[kind]:
            plugin.errors.append(f"unharness_{kind}(): {name!r} is already registered")
        else:
            self._values[kind][name] = value
            plugin.provides.setdefault(kind, []).append(name)

    def add_task_metrics(self, task: Any, uses: Any, plugin: PluginInfo) -> None:
        """Register columns for a task; a problem is kept with the plugin, not raised."""
        if not isinstance(task, str) or not NAME_PATTERN.fullmatch(task):
            plugin.errors.append(f"unharness_task_metrics(): name {task!r} is not allowed")
            return
        given, kind = list(uses), resolve_path(USE)
        for use in given:
            if not isinstance(use, kind):
                plugin.errors.append(
                    f"unharness_task_metrics(): {use!r} of {task!r} is no MetricUse "
                    "and no Composite"
                )
                return
        there = self._task_metrics.setdefault(task, {})
        for use in given:
            label = use.label_pattern()
            if label in there:
                plugin.errors.append(
                    f"unharness_task_metrics(): {label!r} of {task!r} is already registered by "
                    f"{there[label][1].name!r}"
                )
                continue
            there[label] = (use, plugin)
            plugin.provides.setdefault("task_metrics", []).append(f"{task}: {label}")

    def task_metrics(self, task: str) -> tuple[Any, ...]:
        """Return the columns that plugins add to a task, `MetricUse`s and `Composite`s."""
        return tuple(use for use, _ in self._task_metrics.get(task, {}).values())

    def note_unknown_tasks(self) -> None:
        """Add an error to each plugin with columns for a task that is not registered."""
        for task in self._task_metrics.keys() - self._entries["tasks"].keys():
            error = f"unharness_task_metrics(): no task is named {task!r}"
            for _, plugin in self._task_metrics[task].values():
                if error not in plugin.errors:
                    plugin.errors.append(error)

    def notify(self, hook: str, **arguments: Any) -> list[str]:
        """Call an event hook on every plugin; return what went wrong, one line a plugin."""
        problems = []
        for implementation in getattr(self.manager.hook, hook).get_hookimpls():
            wanted = {name: arguments[name] for name in implementation.argnames}
            try:
                implementation.function(**wanted)
            except Exception as error:
                problems.append(
                    f"plugin {implementation.plugin_name!r} failed in {hook}: {_words(error)}"
                )
        return problems

    def _failure_note(self, name: str) -> str:
        failed = [plugin for plugin in self.plugins if plugin.errors]
        meant = [plugin for plugin in failed if name in _mentions(plugin)] or failed
        if not meant:
            return ""
        reports = "; ".join(
            f"plugin {plugin.name!r} ({_origin(plugin)}) failed: {', '.join(plugin.errors)}"
            for plugin in meant
        )
        return f"({reports})"


def load_registry(entry_points: Iterable[metadata.EntryPoint] | None = None) -> Registry:
    """Make a registry from the installed plugins and named files (or from given entry points).

    Built-ins come first, then third parties by distribution and name, then files in the order of
    `UNHARNESS_PLUGINS`, so that a name that is taken twice always falls to the same one.
    `UNHARNESS_PLUGINS_ALLOW`, a comma-separated list of distributions, limits what loads; empty
    means built-ins only. It does not limit files, which the user names one by one.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    registry = Registry(manager)
    points = installed(GROUP) if entry_points is None else map(EntryPoint.of, entry_points)
    found = sorted(((_describe(point), point) for point in points), key=_order)
    allowed = _allowed_distributions()
    for info, point in found:
        if allowed is not None and not info.builtin and _normal(info.distribution) not in allowed:
            continue
        registry.plugins.append(info)
        _load_plugin(registry, info, point.load)
    if entry_points is None:
        _load_files(registry, named_files())
    registry.note_unknown_tasks()
    return registry


@lru_cache(maxsize=1)
def registry() -> Registry:
    """Return the registry of this process; made at the first call, never at import."""
    if files := named_files():
        name_files(files)  # absolute: a worker may run in another folder
    return load_registry()


def _load_files(registry: Registry, paths: Iterable[Path]) -> None:
    """Import and register the plugins that are single files."""
    loaded: dict[str, Path] = {}
    for path in paths:
        info = PluginInfo(path.stem, path.name, content_version(path), str(path))
        registry.plugins.append(info)
        other = loaded.setdefault(module_name(path), path)
        if other != path:
            info.errors.append(f"{other} has the same name; rename one of the two files")
            continue
        _load_plugin(registry, info, partial(load_file, path))


def _load_plugin(registry: Registry, info: PluginInfo, load: Callable[[], Any]) -> None:
    """Import and register one plugin, and collect what it brings."""
    manager = registry.manager
    name = f"{info.distribution}:{info.name}"  # two distributions may use one entry-point name
    if manager.has_plugin(name):
        info.errors.append(f"{name} is loaded already, from another entry point")
        return
    try:
        plugin = load()
        manager.register(plugin, name=name)
        manager.check_pending()  # a misspelt hook is a failure, not a silence
    except (Exception, SystemExit) as error:
        info.errors.append(_words(error))
        if manager.has_plugin(name):
            manager.unregister(name=name)
        return
    for caller in manager.get_hookcallers(plugin) or []:
        info.hooks.append(caller.name)
    if not info.hooks:
        info.errors.append("implements no hook; mark its functions with @unharness.hookimpl")
    for kind in KINDS:
        for item in _items(manager, plugin, kind, info):
            try:
                registry.add(kind, item, info)
            except Exception as error:  # a name or summary that is computed, and raises
                info.errors.append(f"unharness_{kind}() gave a faulty class: {_words(error)}")
    for kind in VALUES:
        for name, value in _items(manager, plugin, kind, info, lambda given: given.items()):
            registry.add_value(kind, name, value, info)
    for task, uses in _items(manager, plugin, "task_metrics", info, lambda given: given.items()):
        try:
            registry.add_task_metrics(task, uses, info)
        except Exception as error:  # of no list
            info.errors.append(f"unharness_task_metrics() failed: {_words(error)}")


def _items(
    manager: pluggy.PluginManager,
    plugin: Any,
    kind: str,
    info: PluginInfo,
    members: Callable[[Any], Iterable[Any]] = iter,
) -> Iterator[Any]:
    """Yield what a plugin's hook for a kind returns; if it fails, note that with the plugin."""
    for implementation in getattr(manager.hook, f"unharness_{kind}").get_hookimpls():
        if implementation.plugin is not plugin:
            continue
        try:
            yield from list(members(implementation.function()))
        except Exception as error:
            info.errors.append(f"unharness_{kind}() failed: {_words(error)}")


def _contract_problem(kind: str, item: Any) -> str:
    """Say why an item is not of its kind; empty when it is."""
    base = resolve_path(KINDS[kind].base)
    if not (isinstance(item, type) and issubclass(item, base)):
        return (
            f"unharness_{kind}() gave {item!r}, which is no subclass of unharness.{base.__name__}"
        )
    abstract = sorted(getattr(item, "__abstractmethods__", ()))
    if abstract:
        return f"{item.__name__} does not implement {', '.join(abstract)}"
    missing = [word for word in ("name", "summary") if not getattr(item, word, "")]
    return f"{item.__name__} has no {' and no '.join(missing)}" if missing else ""


def _describe(point: EntryPoint) -> PluginInfo:
    return PluginInfo(
        name=point.name,
        distribution=point.distribution or "unknown",
        version=point.version,
        module=point.value,
    )


def _order(found: tuple[PluginInfo, EntryPoint]) -> tuple[bool, str, str]:
    info, _ = found
    return (not info.builtin, _normal(info.distribution), info.name)


def _allowed_distributions() -> set[str] | None:
    text = os.environ.get(ALLOW_VARIABLE)
    if text is None:
        return None
    return {_normal(name.strip()) for name in text.split(",") if name.strip()}


def resolve_path(path: str) -> Any:
    """Import what `module:attribute` names."""
    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def _mentions(plugin: PluginInfo) -> str:
    return " ".join([plugin.name, plugin.distribution, plugin.module, *plugin.errors])


def _origin(plugin: PluginInfo) -> str:
    return f"{plugin.distribution} {plugin.version}".strip()


def _words(error: BaseException) -> str:
    try:
        reason = str(error)
    except Exception:  # a plugin's exception may fail to print itself, too
        reason = "no reason given"
    return shortened(one_line(f"{type(error).__name__}: {reason}"), LONGEST_REASON)
