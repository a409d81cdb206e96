"""`unharness methods`, `tasks`, `metrics`, and the other kinds of what plugins bring."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

import click

from unharness.cli.completion import complete
from unharness.cli.console import echo_json, stdout_console, tell
from unharness.cli.groups import NearGroup
from unharness.cli.options import debug_option, format_option
from unharness.errors import UnharnessError
from unharness.kinds import KINDS
from unharness.registry import Entry, Ref, registry, resolve_path
from unharness.report.values import shown_value

_both_formats = format_option("table", "json")


def list_group(kind: str, what: str) -> click.Group:
    """Make the commands that list one kind, and show one of it.

    Args:
        kind: as in `unharness.kinds.KINDS`.
        what: what it is called, in the plural.
    """
    one = kind.removesuffix("s")
    example = next(iter(registry().names(kind)), "NAME")

    def examples(*lines: str) -> str:
        return "\n".join(["\b", "Examples:", *(f"  unharness {kind}{line}" for line in lines)])

    @click.group(
        kind,
        cls=NearGroup,
        invoke_without_command=True,
        help=f"List {what}; `unharness {kind} show NAME` shows one.",
        epilog=examples("", f" show {example}", " --format json"),
    )
    @_both_formats
    @debug_option
    @click.pass_context
    def group(ctx: click.Context, form: str) -> None:
        ctx.obj = form
        if ctx.invoked_subcommand is None:
            _print_list(kind, form)

    @group.command("list", help=f"List {what}.", epilog=examples(" list", " list --format json"))
    @_both_formats
    @debug_option
    @click.pass_context
    def list_command(ctx: click.Context, form: str) -> None:
        _print_list(kind, _either(ctx, form))

    @group.command(
        "show",
        help=f"Show one {one}: what it does, where it comes from, and what can be set.",
        epilog=examples(f" show {example}", f" show {example} --format json"),
    )
    @click.argument("name", shell_complete=complete(kind))
    @_both_formats
    @debug_option
    @click.pass_context
    def show_command(ctx: click.Context, name: str, form: str) -> None:
        _print_one(kind, name, _either(ctx, form))

    return group


def _either(ctx: click.Context, form: str) -> str:
    """Return the format given to the subcommand, else the one given before it."""
    given = ctx.get_parameter_source("form") is not click.core.ParameterSource.DEFAULT
    return form if given else str(ctx.obj)


def _row(kind: str, entry: Entry) -> dict[str, Any]:
    """Return a name, summary, plugin, and what else the list of its kind shows; import no Ref."""
    origin = f"{entry.plugin.distribution} {entry.plugin.version}".strip()
    row: dict[str, Any] = {"name": entry.name, "summary": entry.summary, "plugin": origin}
    columns = KINDS[kind].columns
    if not columns:
        return row
    facts: Mapping[str, Any] = {}
    if isinstance(entry.target, Ref):
        facts = entry.target.listed
    else:
        try:
            with registry().named(kind, entry.name):
                facts = resolve_path(KINDS[kind].listed)(entry.target)
        except UnharnessError as error:
            tell(f"warning: {error}")
    return row | {name: facts.get(name, nothing) for name, nothing in columns.items()}


def _print_list(kind: str, form: str) -> None:
    rows = [_row(kind, entry) for entry in registry().entries(kind)]
    failed = [plugin.name for plugin in registry().plugins if plugin.errors]
    if failed:
        tell(f"warning: failed: {', '.join(failed)}; see: unharness plugins")
    if form == "json":
        echo_json(rows)
        return
    from rich.table import Table

    from unharness.terminal import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("name", style="bold", no_wrap=True)
    table.add_column("summary")
    table.add_column("plugin", style="dim", no_wrap=True)
    rows.sort(key=lambda row: (not row.get("family"), row.get("family")))
    for family, members in groupby(rows, key=lambda row: row.get("family")):
        if family is not None:
            table.add_row(Text(f"{family or 'other'}:"))
        for row in members:
            name = row["name"] if family is None else f"  {row['name']}"
            table.add_row(Text(name), Text(_in_lines(row)), Text(row["plugin"]))
    stdout_console().print(table)


def _in_lines(row: Mapping[str, Any]) -> str:
    """Return a summary, and under it what the method needs and how it is known to be right."""
    words = [f"{word}: {', '.join(row[word])}" for word in ("needs", "evidence") if row.get(word)]
    return "\n".join([row["summary"], *[" · ".join(words)] * bool(words)])


def _print_one(kind: str, name: str, form: str) -> None:
    from unharness.cli.describe import describe

    facts = describe(kind, name, registry())
    if form == "json":
        echo_json(facts)
        return
    from rich.table import Table

    from unharness.terminal import Text

    console = stdout_console()
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    options = facts.pop("options", None)
    parameters = facts.pop("hyperparameters", options)
    presets = facts.pop("presets", [])
    for word, value in _in_words(facts).items():
        table.add_row(word, Text(value))
    console.print(table)
    if parameters is None:
        return
    what = KINDS[kind].settings
    console.print(Text(f"\n{what}", "bold"))
    for parameter in parameters:
        console.print(Text.assemble((parameter["name"], "bold"), f"  {parameter['type']}"))
        for line in _parameter_lines(parameter):
            console.print(Text(f"    {line}"))
    if not parameters:
        console.print("none")
    for preset in presets:
        title = f"\npreset {preset['name']} · {preset['task']} · {preset['model']}"
        console.print(Text.assemble((title, "bold"), f"  {preset['source']}"))
        settings = ", ".join(f"{key}={shown_value(v)}" for key, v in preset["settings"].items())
        console.print(Text(f"    {settings}"))


def _in_words(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return the facts as texts, those that say nothing left out."""
    shown = dict(facts)
    origin = f"{shown.pop('distribution')} {shown.pop('distribution_version')}".strip()
    shown["plugin"] = f"{shown['plugin']} ({origin})"
    shown["module"] = f"{shown['module']}:{shown.pop('class')}"
    if shown.get("tasks") and isinstance(shown["tasks"][0], dict):
        shown["tasks"] = [
            f"{task['name']} ({task['metric']}, {task['shots']} shots)" for task in shown["tasks"]
        ]
    return {
        word.replace("_", " "): shown_value(value)
        for word, value in shown.items()
        if value not in (None, "", [])
    }


def _parameter_lines(parameter: Mapping[str, Any]) -> list[str]:
    default = shown_value(parameter["default"])
    words = ["required" if parameter["required"] else f"default {default}"]
    words += [f"{shown_value(value)} on {model}" for model, value in parameter["defaults"].items()]
    allowed = [parameter["bounds"], shown_value(parameter["choices"])]
    if any(allowed):
        words.append(f"allowed: {' or '.join(filter(None, allowed))}")
    return [text for text in ("; ".join(words), parameter["description"]) if text]


def __getattr__(name: str) -> click.Group:
    """Make the commands of a kind when they are used."""
    if name not in KINDS:
        raise AttributeError(name)
    return list_group(name, KINDS[name].words)
