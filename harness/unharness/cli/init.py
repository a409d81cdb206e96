"""`unharness init`: a commented YAML file to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from unharness import defaults
from unharness.cli.completion import FILE, FOLDER, complete
from unharness.cli.console import echo
from unharness.cli.options import debug_option
from unharness.errors import UsageError

DEFAULT_FILE = "unharness.yaml"
EPILOG = f"""\b
Examples:
  unharness init
  unharness init experiment.yaml --method {defaults.THIRD_METHOD}
  unharness init grid.yaml --for sweep --method {defaults.METHOD},{defaults.SECOND_METHOD}
"""


@click.command("init", epilog=EPILOG)
@click.argument("file", default=DEFAULT_FILE, type=click.Path(path_type=Path))
@click.option(
    "--for",
    "command",
    type=click.Choice(("run", "sweep", "tune")),
    default="run",
    show_default=True,
    help="The command that reads the file.",
)
@click.option(
    "--method",
    "-m",
    default=defaults.METHOD,
    show_default=True,
    shell_complete=complete("methods", lists=True),
    help="Method; of a single one, its hyperparameters stand in the file.",
)
@click.option(
    "--task",
    "-t",
    default=defaults.TASK,
    show_default=True,
    shell_complete=complete("tasks", paths=FILE),
    help="Task, or a file of your own facts.",
)
@click.option(
    "--model",
    default="tiny",
    show_default=True,
    shell_complete=complete("models", paths=FOLDER),
    help="Base model.",
)
@debug_option
def init_command(file: Path, command: str, method: str, task: str, model: str) -> None:
    """Write a commented YAML file with every key and its default.

    FILE is unharness.yaml if none is named. A file that is there is never overwritten.
    """
    from unharness.cli.describe import hyperparameters
    from unharness.cli.yaml_template import template
    from unharness.named_settings import split_names
    from unharness.registry import registry

    found = registry()
    methods = [found.get("methods", name) for name in split_names(method)]
    settings = hyperparameters(methods[0], found.names("models")) if len(methods) == 1 else []
    given: dict[str, Any] = {"method": method, "task": task, "model": model}
    if command != "run":
        given |= {"method": [one.name for one in methods]}
    text = template(*_kind(command), given, settings)
    try:
        with file.open("x", encoding="utf-8") as handle:
            handle.write(text)
    except FileExistsError:
        raise UsageError(f"{file} is there already; give another name") from None
    echo(f"{file}: edit it, then: unharness {command} {file}")


def _kind(command: str) -> tuple[click.Command, Any, tuple[str, ...]]:
    """Return a command, what its file becomes, and the keys of its file."""
    from unharness.cli import run, sweep, tune
    from unharness.cli.yaml_file import file_keys
    from unharness.request import RunRequest
    from unharness.sweeps.grid import SweepRequest

    if command == "run":
        return run.run_command, RunRequest, file_keys(RunRequest, but=run.NO_FLAGS)
    if command == "sweep":
        return sweep.sweep_command, SweepRequest, file_keys(SweepRequest, but=())
    return tune.tune_command, SweepRequest, file_keys(SweepRequest, but=tune.NO_FLAGS)
