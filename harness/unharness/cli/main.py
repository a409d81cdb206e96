"""The entry point: finds the command, and turns errors into one line and an exit code."""

from __future__ import annotations

import errno
import importlib
import itertools
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from unharness import defaults
from unharness.cli.console import echo, tell
from unharness.cli.groups import NearGroup
from unharness.cli.options import plugin_option, with_plugins
from unharness.errors import PluginError, UnharnessError, UsageError, reason_of, short_value
from unharness.kinds import KINDS

if TYPE_CHECKING:
    from unharness.registry import Ref

# Command -> where it is and its summary. Modules are imported when their command is called, so
# that `unharness --help` costs nothing.
COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("unharness.cli.run:run_command", "Unlearn with one method, evaluate, write a record."),
    "evaluate": (
        "unharness.cli.evaluate:evaluate_command",
        "Evaluate existing weights, without training.",
    ),
    "sweep": (
        "unharness.cli.sweep:sweep_command",
        "Run a grid of methods, tasks, seeds, hyperparameters.",
    ),
    "tune": (
        "unharness.cli.tune:tune_command",
        "Tune methods with equal budgets, then run the best hyperparameters.",
    ),
    "leaderboard": (
        "unharness.cli.leaderboard:leaderboard_command",
        "Compare all records of a results folder.",
    ),
    "view": ("unharness.cli.view:view_command", "Show the leaderboard in a browser."),
    "compare": (
        "unharness.cli.compare:compare_command",
        "Compare two methods on the same examples and seeds.",
    ),
    "score": (
        "unharness.cli.score:score_command",
        "Compute metrics again from stored observations.",
    ),
    "init": ("unharness.cli.init:init_command", "Write a commented YAML file to begin with."),
    "data": ("unharness.cli.data:data_command", "Fetch the data of tasks into the cache."),
    "facts": ("unharness.cli.facts:facts_command", "Check a file of your own facts."),
    "show": ("unharness.cli.show:show_command", "Show one record: numbers, cost, examples."),
    "export": (
        "unharness.cli.export:export_command",
        "Write a run's weights with a model card, or records for other sites.",
    ),
    "reproduce": (
        "unharness.cli.reproduce:reproduce_command",
        "Run a record again, and say what differs.",
    ),
    "records": (
        "unharness.cli.records:records_command",
        "Check records before they are shared; print their JSON Schema.",
    ),
    **{
        name: (f"unharness.cli.lists:{name}", f"List {kind.words}, or show one.")
        for name, kind in KINDS.items()
    },
    "models": ("unharness.cli.models:models_command", "List model presets; show or fetch one."),
    "new": ("unharness.cli.new:new_command", "Write the package of a new plugin, with tests."),
    "plugins": ("unharness.cli.plugins:plugins_command", "List plugins and their errors."),
    "peek": (
        "unharness.cli.peek:peek_command",
        "Show prompt, tokens and scored positions of an example.",
    ),
    "explain": (
        "unharness.cli.explain:explain_command",
        "Say what a metric or a column means.",
    ),
    "doctor": ("unharness.cli.doctor:doctor_command", "Say what is wrong with this installation."),
    "cache": ("unharness.cli.cache:cache_command", "Show, check and clear the cache."),
}

EXAMPLES = f"""\b
Examples:
  unharness run --method {defaults.METHOD} --task {defaults.TASK}
  unharness run --method {defaults.THIRD_METHOD} --set lr=5e-4 --seed 1
  unharness sweep --method {defaults.METHOD},{defaults.SECOND_METHOD} --seed 0..4
  unharness leaderboard
  unharness methods show {defaults.METHOD}
  unharness run --plugin ./careful.py --method careful
"""


class LazyGroup(NearGroup):
    """A group that imports a command's module when the command is used."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._lazy = dict(COMMANDS)

    def add_lazy(self, command: Ref) -> None:
        """Add a command without importing it; its path names a `click.Command`.

        Raises:
            PluginError: the name is taken.
        """
        if command.name in self._lazy or command.name in self.commands:
            raise PluginError(f"the command {command.name!r} already exists")
        self._lazy[command.name] = (command.path, command.summary)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return our commands in the order of use, then those of plugins."""
        self._load_plugin_commands()
        return [*COMMANDS, *sorted({*self._lazy, *self.commands} - set(COMMANDS))]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command.

        Raises:
            PluginError: a plugin's command cannot be imported.
        """
        if cmd_name not in COMMANDS:
            self._load_plugin_commands()
        if cmd_name not in self._lazy:
            return self.commands.get(cmd_name)
        path, _ = self._lazy[cmd_name]
        module, _, attribute = path.partition(":")
        try:
            command: click.Command = getattr(importlib.import_module(module), attribute)
        except Exception as error:
            if cmd_name in COMMANDS:
                raise
            raise PluginError(
                f"the command {cmd_name!r} ({path}) cannot be loaded: {reason_of(error)}"
            ) from error
        return with_plugins(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands with their summaries, without importing them."""
        rows = []
        for name in self.list_commands(ctx):
            known = self._lazy.get(name)
            rows.append((name, known[1] if known else self.commands[name].get_short_help_str(70)))
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def _load_plugin_commands(self) -> None:
        """Let plugins add theirs, once; one that fails costs only itself."""
        if not hasattr(self, "_plugins_loaded"):
            self._plugins_loaded = True
            from unharness.registry import registry

            for problem in registry().notify("unharness_commands", cli=self):
                tell(f"warning: {problem}")


def _version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from unharness import __version__

        echo(f"unharness {__version__}")
        ctx.exit()


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EXAMPLES,
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Show the version and exit.",
)
@plugin_option
def cli() -> None:
    """Measure what LLM unlearning methods forget, what they lose, and what they cost."""


def main(arguments: Sequence[str] | None = None) -> Any:
    """Run the command line; errors of the user's making become one line on stderr."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        _refuse_empty(given)
        code = cli.main(given, prog_name="unharness", standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        tell("interrupted; no incomplete record was left")
        code = 130
    except click.ClickException as error:
        tell(f"error: {_click_message(error)}")
        code = error.exit_code
    except UnharnessError as error:
        if "--debug" in given:
            raise
        tell(f"error: {error}")
        code = error.exit_code
    except BrokenPipeError:  # the reader, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except OSError as error:
        if "--debug" in given:
            raise
        place = f"{short_value(error.filename)}: " if error.filename else ""
        tell(f"error: {place}{error.strerror or reason_of(error)}")
        code = UsageError.exit_code if error.errno == errno.ENAMETOOLONG else 1
    except Exception as error:
        if "--debug" in given:
            raise
        tell(f"error: {reason_of(error)} (--debug shows where)")
        code = 1
    sys.exit(code if isinstance(code, int) else 0)


def _refuse_empty(given: Sequence[str]) -> None:
    """Refuse an empty argument: as a path it would be the folder one is in, as a name all names.

    Raises:
        UsageError: one is empty; plugins' own commands may take some.
    """
    if not given or given[0] not in COMMANDS:
        return
    for before, text in itertools.pairwise(given):
        flag = text.removesuffix("=") if text.startswith("--") and text.count("=") == 1 else ""
        if not text.strip():
            place = f" after {before}" if before.startswith("-") else ""
            raise UsageError(f"an argument{place} is empty; leave it out, or give a value")
        if flag and text.endswith("="):
            raise UsageError(f"{flag} is empty; leave it out, or give a value")


def _click_message(error: click.ClickException) -> str:
    """Return what click refuses, and the command whose help says what is allowed."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    fix = f" ('{context.command_path} --help' says what is allowed)" if context else ""
    return error.format_message() + fix


if __name__ == "__main__":
    main()
