"""Tab completion of values: names that plugins bring, with their summaries."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

import click
from click.shell_completion import CompletionItem

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]

DATA = ("auto", "hub", "standin")
DEVICES = ("auto", "cpu", "cuda")
GENERAL = ("auto", "bundled", "hub")
SUITE_DATA = ("auto", "hub")
FILE, FOLDER = "file", "dir"
"""What the shell completes itself."""


def complete(
    kind: str = "", *words: str, lists: bool = False, paths: str | None = None
) -> Completer:
    """Return what completes the value of an option or an argument.

    Args:
        kind: of plugin, such as `methods`, or `prompts`, `presets` or `columns`; empty for none.
        words: further values.
        lists: whether values are lists with commas; the last part is completed then.
        paths: `file` or `dir` where a path may be given, too.
    """

    def items(
        _ctx: click.Context, _parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        before, comma, last = incomplete.rpartition(",") if lists else ("", "", incomplete)
        taken = set(before.split(","))
        found = [
            CompletionItem(before + comma + name, help=summary)
            for name, summary in _names(kind, words)
            if name.startswith(last) and name not in taken
        ]
        if not found and paths:
            found.append(CompletionItem(incomplete, type=paths))
        return found

    return items


def _names(kind: str, words: Iterable[str]) -> list[tuple[str, str]]:
    """Return names with summaries; built-in words come last, without any."""
    from unharness.registry import registry

    if kind == "prompts":
        from unharness.data.prompts import known_prompts

        named = [(name, "") for name in known_prompts(registry())]
    elif kind == "presets":
        named = [(name, "") for name in _preset_names()]
    elif kind == "columns":
        named = [(name, "") for name in _column_names()]
    elif kind:
        named = [(entry.name, entry.summary) for entry in registry().entries(kind)]
    else:
        named = []
    return [*named, *((word, "") for word in words)]


def _preset_names() -> list[str]:
    """Return the names of all methods' presets; a method that cannot be loaded has none."""
    from unharness.errors import PluginError
    from unharness.registry import registry

    names = set()
    for method in registry().names("methods"):
        with suppress(PluginError):
            names |= {preset.name for preset in registry().get("methods", method).presets}
    return sorted(names)


def _column_names() -> list[str]:
    """Return the labels of what all tasks measure; a task that cannot be loaded has none."""
    from unharness.errors import PluginError
    from unharness.evaluation.uses import labels_of, uses_of
    from unharness.registry import registry

    names, known = set(), registry()
    for task in known.names("tasks"):
        with suppress(PluginError):
            names |= set(labels_of(uses_of(known.get("tasks", task), known)))
    return sorted(names)
