"""Options that commands of every sort share."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from unharness import defaults
from unharness.cli.completion import FILE, complete
from unharness.cli.console import tell

F = TypeVar("F", bound=Callable[..., Any])

results_option = click.option(
    "--results",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    envvar=defaults.RESULTS_VARIABLE,
    default=defaults.RESULTS,
    show_default=True,
    help="Folder of records.",
)

# `main` looks for the flag itself; a command only has to accept it.
debug_option = click.option(
    "--debug", is_flag=True, expose_value=False, help="Show a traceback for errors."
)


def _load_plugin_files(
    ctx: click.Context, _parameter: click.Parameter, paths: tuple[Path, ...]
) -> None:
    """Load plugins that are files, for the time of this command; say which of them failed."""
    if not paths:
        return
    from unharness.plugin_files import FILES_VARIABLE, absolute, name_files
    from unharness.registry import registry

    before = os.environ.get(FILES_VARIABLE)

    def restore() -> None:
        if before is None:
            os.environ.pop(FILES_VARIABLE, None)
        else:
            os.environ[FILES_VARIABLE] = before
        registry.cache_clear()

    ctx.find_root().call_on_close(restore)
    name_files(paths)
    registry.cache_clear()
    given = {str(absolute(path)) for path in paths}
    for plugin in registry().plugins:
        if plugin.module in given and plugin.errors and not ctx.resilient_parsing:
            tell(f"warning: plugin {plugin.module} failed: {', '.join(plugin.errors)}")


plugin_option = click.option(
    "--plugin",
    multiple=True,
    is_eager=True,  # names that other options complete or check may be of the file
    expose_value=False,
    callback=_load_plugin_files,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    shell_complete=complete(paths=FILE),
    help="A Python file that is a plugin; repeatable. $UNHARNESS_PLUGINS names such files, too.",
)


def with_plugins(command: click.Command) -> click.Command:
    """Give a command, and those under it, the option `--plugin` where they lack it."""
    if all("--plugin" not in one.opts for one in command.params):
        plugin_option(command)
    for inner in command.commands.values() if isinstance(command, click.Group) else ():
        with_plugins(inner)
    return command


class FiniteRange(click.FloatRange):
    """A number within bounds that is neither NaN nor infinite."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number, or refuse it."""
        number = click.FLOAT.convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a finite number.", param, ctx)
        return float(super().convert(value, param, ctx))


def format_option(*choices: str) -> Callable[[F], F]:
    """Return `--format`, the first choice being the default; the parameter is called `form`."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(choices),
        default=choices[0],
        show_default=True,
        help="Output format.",
    )


def filter_option(kind: str, what: str, short: str = "") -> Callable[[F], F]:
    """Return an option that narrows a board to one task, model or column; repeatable.

    Args:
        kind: what is completed: `tasks`, `models` or `columns`.
        what: the flag's name, without dashes.
        short: a letter, if the flag has a short form.
    """
    return click.option(
        f"--{what}",
        *([f"-{short}"] if short else []),
        f"{what}s",
        multiple=True,
        shell_complete=complete(kind),
        metavar="NAME",
        help=f"Only this {'column' if kind == 'columns' else what}; repeatable.",
    )
