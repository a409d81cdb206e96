"""`unharness new`: the package of a new plugin."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from unharness.cli.console import echo
from unharness.cli.options import debug_option
from unharness.scaffold.project import KINDS, new_project

EPILOG = """\b
Examples:
  unharness new method my-method
  unharness new metric my_metric --into ~/plugins
  unharness new task my-task --into ..
"""


@click.command("new", epilog=EPILOG)
@click.argument("kind", type=click.Choice(KINDS), metavar=f"[{'|'.join(KINDS)}]")
@click.argument("name")
@click.option(
    "--into",
    type=click.Path(path_type=Path),
    default=Path(),
    metavar="DIR",
    help="Folder that the package's folder NAME is made in [default: the current one].",
)
@debug_option
def new_command(kind: str, name: str, into: Path) -> None:
    """Write a small package with a new plugin: one module, tests, README, CI file.

    It works at once: 'pip install -e NAME' registers it, and its own pytest runs the conformance
    suite of unharness. A folder that is there already is left as it is.
    """
    from unharness.registry import registry

    written = new_project(kind, name, into, registry())
    folder = into / name
    for path in written:
        echo(str(path))
    quoted = f'"{folder}"' if " " in str(folder) else str(folder)
    echo(f"next: {Path(sys.executable).name} -m pip install -e {quoted}[test] && pytest {quoted}")
