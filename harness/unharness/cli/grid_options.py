"""The flags that `sweep` and `tune` share, and how they become values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from unharness import defaults
from unharness.cli.completion import DATA, DEVICES, FILE, FOLDER, GENERAL, complete
from unharness.cli.options import limit_options, setting_options, target_option
from unharness.cli.pairs import MAPPINGS, with_flags
from unharness.cli.yaml_file import from_file
from unharness.engines.choice import AUTO
from unharness.errors import LONGEST_VALUE, UsageError
from unharness.safe_text import shortened
from unharness.strict_yaml import YamlError, load_yaml

Command = Callable[..., Any]

_SHARED = (
    click.option(
        "--method",
        "-m",
        multiple=True,
        shell_complete=complete("methods", lists=True),
        help=f"Methods, with commas [default: {defaults.METHOD}].",
    ),
    click.option(
        "--task",
        "-t",
        multiple=True,
        shell_complete=complete("tasks", lists=True),
        help=f"Tasks [default: {defaults.TASK}].",
    ),
    click.option(
        "--model",
        multiple=True,
        shell_complete=complete("models", lists=True, paths=FOLDER),
        help="Presets, folders or hub ids [default: tiny].",
    ),
    target_option,
    click.option("--seed", help="Seeds: 0..4, or 0,1,2 [default: 0]."),
    click.option("--tuning", type=click.Choice(["lora", "full"]), help="Parameters to train."),
    click.option(
        "--engine",
        shell_complete=complete("engines", AUTO),
        help="What generates text: hf, vllm, auto.",
    ),
    click.option(
        "--engine-set",
        multiple=True,
        metavar="KEY=VALUE",
        help="An option of the engine; repeatable.",
    ),
    click.option(
        "--suite",
        metavar="NAME",
        shell_complete=complete("suites", "none", lists=True),
        help="General knowledge, as for run.",
    ),
    click.option("--include-path", metavar="DIR", help="A folder of lm-eval YAML for --suite."),
    click.option(
        "--data",
        shell_complete=complete("", *DATA, paths=FOLDER),
        help="A folder, 'hub', 'standin', or 'auto' [default: auto].",
    ),
    click.option(
        "--general",
        metavar="FILE",
        shell_complete=complete("", *GENERAL, paths=FILE),
        help="General text for methods that want it.",
    ),
    click.option("--results", metavar="DIR", help="Where records go [default: results]."),
    setting_options,
    limit_options,
    click.option(
        "--device",
        shell_complete=complete("", *DEVICES),
        help="auto, cpu, cuda, cuda:N [default: auto].",
    ),
    click.option("--workers", type=click.IntRange(1), help="Runs at once [default: by machine]."),
    click.option(
        "--executor",
        shell_complete=complete("executors"),
        default="local",
        show_default=True,
        help="Where runs are carried out: local, ray, or a plugin's.",
    ),
    click.option("--address", help="Of a Ray cluster: auto, or HOST:PORT."),
    click.option(
        "--quiet",
        "-q",
        is_flag=True,
        help="Print nothing but errors, and what --format json asks for.",
    ),
    click.option("--debug", is_flag=True, help="Show tracebacks and library warnings."),
)


def shared_options(command: Command) -> Command:
    """Add the flags that every command over many runs has."""
    for option in reversed(_SHARED):
        command = option(command)
    return command


def grid_values(
    file: Path | None,
    flags: Mapping[str, Any],
    settings: tuple[str, ...],
    keys: tuple[str, ...],
) -> dict[str, Any]:
    """Return what the file says, and what the flags say over it.

    Raises:
        UsageError: the file is not as it should be, or a pair is no pair.
    """
    values = from_file(file, keys) if file else {}
    values = with_flags(values, flags, [name for name in MAPPINGS if name != "set"])
    for name in ("method", "task", "model", "prompt"):
        given = values.get(name)
        if isinstance(given, tuple):
            values[name] = ",".join(given)
    if settings:
        values["set"] = dict(values.get("set") or {}) | setting_lists(settings)
    return values


def setting_lists(pairs: tuple[str, ...]) -> dict[str, list[Any]]:
    """Read `[METHOD.]NAME=VALUE,VALUE`; values as in YAML.

    Raises:
        UsageError: a pair has no '=' or its values are not YAML.
    """
    lists: dict[str, list[Any]] = {}
    for pair in pairs:
        name, mark, text = pair.partition("=")
        if not mark or not name.strip():
            raise UsageError(
                f"--set {shortened(pair, LONGEST_VALUE)}: expected NAME=VALUE,VALUE, such as "
                "--set lr=1e-4,3e-4"
            )
        try:
            lists[name.strip()] = list(load_yaml(f"[{text}]").value)
        except YamlError as error:
            raise UsageError(
                f"--set {shortened(pair, LONGEST_VALUE)}: the values are not YAML that can be used:"
                f" {error.problem}"
            ) from None
    return lists
