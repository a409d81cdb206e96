"""`unharness plugins`: what is installed, what it brings, and what went wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from unharness.cli.console import echo_json, stdout_console
from unharness.cli.groups import NearGroup
from unharness.cli.options import debug_option, format_option
from unharness.errors import UnknownNameError
from unharness.registry import PluginInfo, registry

EPILOG = """\b
Examples:
  unharness plugins
  unharness plugins show methods
  unharness plugins --plugin ./careful.py
  unharness plugins --format json
"""
SHOW_EPILOG = """\b
Examples:
  unharness plugins show methods
  unharness plugins show unharness --format json
"""


@click.group("plugins", cls=NearGroup, invoke_without_command=True, epilog=EPILOG)
@format_option("table", "json")
@debug_option
@click.pass_context
def plugins_command(ctx: click.Context, form: str) -> None:
    """List plugins with what they provide, and the errors of those that failed.

    UNHARNESS_PLUGINS_ALLOW, a comma-separated list of distributions, limits what is loaded.
    UNHARNESS_PLUGINS names files that are plugins, separated as in PATH.
    """
    if ctx.invoked_subcommand is None:
        _print_plugins(registry().plugins, form)


@plugins_command.command("show", epilog=SHOW_EPILOG)
@click.argument("name")
@format_option("table", "json")
@debug_option
def show_command(name: str, form: str) -> None:
    """Show plugins by name, or by distribution."""
    known = registry().plugins
    found = [plugin for plugin in known if name in (plugin.name, plugin.distribution)]
    if not found:
        raise UnknownNameError("plugin", name, [plugin.name for plugin in known])
    _print_plugins(found, form)


def _print_plugins(plugins: Sequence[PluginInfo], form: str) -> None:
    if form == "json":
        echo_json([_values(plugin) for plugin in plugins])
        return
    from rich.table import Table

    from unharness.terminal import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("plugin", "distribution", "module", "provides"):
        table.add_column(heading, overflow="fold")
    table.add_column("status", no_wrap=True)
    for plugin in plugins:
        status = Text("failed", "bold red") if plugin.errors else Text("ok", "green")
        distribution = f"{plugin.distribution} {plugin.version}".strip()
        cells = (plugin.name, distribution, plugin.module, _provides(plugin))
        table.add_row(*map(Text, cells), status)
    console = stdout_console()
    console.print(table)
    for plugin in plugins:
        for error in plugin.errors:
            console.print(Text(f"{plugin.name} ({plugin.distribution}): {error}", "red"))


def _values(plugin: PluginInfo) -> dict[str, Any]:
    return {
        "name": plugin.name,
        "distribution": plugin.distribution,
        "version": plugin.version,
        "module": plugin.module,
        "provides": plugin.provides,
        "hooks": plugin.hooks,
        "status": "failed" if plugin.errors else "ok",
        "errors": plugin.errors,
    }


def _provides(plugin: PluginInfo) -> str:
    return "\n".join(f"{kind}: {', '.join(names)}" for kind, names in plugin.provides.items())
