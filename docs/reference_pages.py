"""Make a page for every built-in method, metric, attack and task, and one of the public API.

The site's hook calls this while it builds; nothing of it is kept in the repository.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import click
from markdown_text import docstring, escaped, table
from public_api import Api, names_by_room, public_api

import unharness
from unharness.cli.describe import describe
from unharness.cli.main import cli
from unharness.evaluation.uses import Composite, MetricUse
from unharness.kinds import KINDS
from unharness.registry import registry
from unharness.report.values import shown_value
from unharness.unlearning.search import search_space

FOLDER = "reference"
HAND_WRITTEN = {"methods": "methods.md", "metrics": "metrics.md", "tasks": "tasks.md"}
"""By kind: the page that people wrote."""
USED = {
    "methods": "unharness run --method {}",
    "attacks": "unharness run --attack none --attack {}",
    "tasks": "unharness run --task {}",
}
"""By kind: a command that uses one."""
ROOMS = {"cli": "Command line", "hookspecs": "Marks of hooks"}
"""Headings of the API's page that are not a room's name."""
LEFT_OUT = (
    *("name", "summary", "citation", "plugin", "distribution", "distribution_version"),
    *("module", "class", "options", "hyperparameters", "presets", "evidence", "metrics", "tuned"),
    *("formula", "good", "traps"),
)
"""Facts that have a place of their own on the page, or none."""


@dataclass(frozen=True)
class Page:
    """One page."""

    path: str
    """Below docs/."""
    title: str
    text: str


def pages(kind: str) -> list[Page]:
    """Return a page for each built-in member of a kind, sorted by name, and before them a list."""
    found = registry()
    names = [entry.name for entry in found.entries(kind) if entry.plugin.builtin]
    rows = [[f"[`{name}`]({name}.md)", escaped(found.entry(kind, name).summary)] for name in names]
    head = [f"# {kind.capitalize()}", ""]
    if kind in HAND_WRITTEN:
        head += [f"[{kind.capitalize()}](../../{HAND_WRITTEN[kind]}) has more about them.", ""]
    index = "\n".join([*head, *table((kind.removesuffix("s"), "what it does"), rows), ""])
    members = [Page(f"{FOLDER}/{kind}/{name}.md", name, _text(kind, name)) for name in names]
    return [Page(f"{FOLDER}/{kind}/index.md", "All", index), *members]


def api_page() -> Page:
    """Return the page of the public names: signatures, members, docstrings."""
    api = public_api()
    parts = [
        "# Public API",
        "",
        f"What plugins and programs may rely on, version {unharness.API_VERSION} "
        "([what a version means](../plugins.md#versions-of-the-api)). Everything is imported from "
        "`unharness`.",
        "",
    ]
    for room, names in names_by_room(unharness._HOMES).items():
        parts += [f"## {ROOMS.get(room, room.replace('_', ' ').capitalize())}", ""]
        for name in names:
            parts += _api_entry(name, api)
    parts += ["## For the tests of plugins", "", "Imported from `unharness.testing`.", ""]
    for name in (one for one in api if re.fullmatch(r"testing\.\w+", one)):
        parts += _api_entry(name, api)
    hooks = sorted(name for name in api if name.startswith("hook "))
    parts += ["## Hooks", ""]
    for name in hooks:
        parts += [f"`{name.removeprefix('hook ')}{_call(api[name])}`", ""]
    return Page(f"{FOLDER}/api.md", "Public API", "\n".join(parts))


def commands_page() -> Page:
    """Return the page of the command line: what each command's --help says."""
    parts = ["# Commands", "", "What `unharness COMMAND --help` says of every command.", ""]
    for path, command in _commands(cli, ()):
        parts += _command(path, command)
    return Page(f"{FOLDER}/commands.md", "Commands", "\n".join(parts))


def _commands(
    group: click.Group, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield every command with its words; a list of one kind of plugin stands for its own."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group) and name not in KINDS:
            yield from _commands(command, (*path, name))


def _command(path: tuple[str, ...], command: click.Command) -> list[str]:
    context = click.Context(command, info_name=" ".join(("unharness", *path)))
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    parts = [f"{'#' * min(4, 1 + len(path))} {' '.join(path)}", "", f"`{usage}`", ""]
    parts += [_paragraphs(command.help or ""), ""]
    rows = []
    for one in command.get_params(context):
        found = one.get_help_record(context)
        if found and found[1] and one.name != "help":
            rows.append([f"`{found[0]}`", escaped(found[1])])
    parts += [*table(("option", "what it does"), rows), ""] if rows else []
    lines = [line.strip() for line in (command.epilog or "").splitlines()]
    examples = [line for line in lines if line.startswith("unharness ")]
    return [*parts, *(["```", *examples, "```", ""] if examples else [])]


def _paragraphs(text: str) -> str:
    """Return a help text as Markdown."""
    parts = [" ".join(part.split()) for part in inspect.cleandoc(text).split("\n\n")]
    return "\n\n".join(escaped(part.replace("\b", "").strip()) for part in parts)


def _text(kind: str, name: str) -> str:
    found = registry().get(kind, name)
    facts = describe(kind, name, registry())
    parts = [f"# {name}", "", escaped(facts["summary"]), "", docstring(found), ""]
    if kind == "metrics":
        parts += _explained(found)
    if facts["citation"]:
        parts += [f"**Source:** {escaped(facts['citation'])}", ""]
    if kind in USED:
        parts += ["```", USED[kind].format(name), "```", ""]
    parts += [*table(("fact", "value"), list(_facts(facts))), ""]
    parts += _hyperparameters(kind, name, found, facts)
    for preset in facts.get("presets", ()):
        settings = ", ".join(f"{key}={shown_value(one)}" for key, one in preset["settings"].items())
        title = f"preset {preset['name']} · {preset['task']} · {preset['model']}"
        parts += [f"**{escaped(title)}**: `{settings}` ({escaped(preset['source'])})", ""]
    if kind == "tasks":
        parts += _columns(found)
    if kind == "metrics":
        parts += _uses(name)
    where = f"{facts['module'].replace('.', '/')}.py"
    parts += [f"Defined in `{where}`, class `{facts['class']}`.", ""]
    return "\n".join(parts)


def _facts(facts: Mapping[str, Any]) -> Iterator[list[str]]:
    for word, value in facts.items():
        if word not in LEFT_OUT and value not in (None, "", []):
            yield [word.replace("_", " "), escaped(shown_value(value))]
    for kind, where in (one.split(": ", 1) for one in facts.get("evidence", ())):
        yield ["evidence", f"{kind}: [{where}](../../../{where})"]


def _hyperparameters(kind: str, name: str, found: Any, facts: Mapping[str, Any]) -> list[str]:
    given = facts.get("hyperparameters", facts.get("options", []))
    if not given:
        return []
    space = search_space(found) if kind == "methods" else {}
    heads = ("name", "type", "default", "on models", "allowed", "tuned", "what it is")
    rows = [
        [
            f"`{one['name']}`",
            escaped(one["type"]),
            "required" if one["required"] else escaped(shown_value(one["default"])),
            escaped(
                "; ".join(f"{model}: {shown_value(v)}" for model, v in one["defaults"].items())
            ),
            escaped(", ".join(map(shown_value, one["choices"])) or one["bounds"]),
            escaped(str(space.get(one["name"], ""))),
            escaped(one["description"]),
        ]
        for one in given
    ]
    words = {"methods": "Hyperparameters", "attacks": "Settings"}.get(kind, "Parameters")
    return [f"## {words}", "", *table(heads, rows), ""]


def _columns(task: Any) -> list[str]:
    """Return a table of what a task measures."""
    rows = []
    for use in task.metrics:
        if isinstance(use, Composite):
            of = f"{use.kind.replace('_', ' ')} of {', '.join(use.of)}"
            rows.append([f"`{use.label}`", escaped(of), "", use.direction or ""])
            continue
        metric = registry().get("metrics", use.metric)
        words = ["100 − "] * use.complement
        link = f"{''.join(words)}[`{use.metric}`](../metrics/{use.metric}.md)"
        split = f"{use.split or 'each evaluated split'}"
        split += f" against {use.against}" if use.against else ""
        label = escaped(use.label_pattern())
        rows.append([f"{label}", link, escaped(split), use.direction_of(metric)])
    heads = ("column", "metric", "split", "best")
    return ["## Columns", "", *table(heads, rows), ""]


def _explained(metric: Any) -> list[str]:
    """Return what `unharness explain` says of a metric."""
    parts = [f"**Formula:** {escaped(metric.formula)}", ""] if metric.formula else []
    parts += [f"**A good value:** {escaped(metric.good)}", ""] if metric.good else []
    parts += ["**Traps:**", ""] if metric.traps else []
    return [*parts, *(f"- {escaped(trap)}" for trap in metric.traps), ""]


def _uses(metric: str) -> list[str]:
    """Return which columns of which tasks are of a metric."""
    found = []
    for entry in registry().entries("tasks"):
        if not entry.plugin.builtin:
            continue
        uses = registry().get("tasks", entry.name).metrics
        labels = [
            f"`{use.label_pattern()}`"
            for use in uses
            if isinstance(use, MetricUse) and use.metric == metric
        ]
        if labels:
            found.append(f"- [{entry.name}](../tasks/{entry.name}.md): {', '.join(labels)}")
    return ["## Columns of tasks", "", *found, ""] if found else []


def _api_entry(name: str, api: Api) -> list[str]:
    what = api[name]
    own = name.rpartition(".")[2]
    parts = [f"### {own}", ""]
    if what[0] == "function":
        parts += ["```python", f"{own}{_call(what)}", "```", ""]
    if what[0] in ("function", "class"):
        parts += [docstring(attrgetter(name)(unharness)), ""]
    elif what[0] == "type":
        parts += [f"`{what[1]}`", ""]
    if what[0] == "class":
        rows = [[f"`{key[len(name) + 1 :]}`", _member(api[key])] for key in _inside(name, api)]
        parts += [*table(("member", "what it is"), rows), ""] if rows else []
    return parts


def _inside(name: str, api: Api) -> Sequence[str]:
    return [key for key in api if key.startswith(f"{name}.")]


def _member(what: list[str]) -> str:
    kind, *rest = what
    if "method" in kind:
        return f"{kind}: `{_call(what)}`"
    return f"{kind}: `{' '.join(rest)}`" if rest else kind


def _call(what: list[str]) -> str:
    _, *parts = what
    returned = f" {parts.pop()}" if parts and parts[-1].startswith("-> ") else ""
    return f"({', '.join(part for part in parts if part not in ('self', 'cls'))}){returned}"


def sections() -> dict[str, list[Page]]:
    """Return all pages by the heading that they stand under."""
    kinds = ("methods", "metrics", "attacks", "tasks")
    return {kind: pages(kind) for kind in kinds} | {
        "commands": [commands_page()],
        "api": [api_page()],
    }
