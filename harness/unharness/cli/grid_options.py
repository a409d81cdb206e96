"""The flags that `sweep` and `tune` share, and how they become values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from unharness import defaults
from unharness.cli.completion import FOLDER, complete
from unharness.cli.pairs import MAPPINGS, with_flags
from unharness.cli.run_options import (
    data_option,
    device_option,
    engine_options,
    facts_options,
    general_option,
    limit_options,
    log_option,
    output_options,
    precision_option,
    results_folder_option,
    setting_options,
    suite_options,
    target_option,
    together,
    tuning_option,
)
from unharness.cli.yaml_file import from_file
from unharness.errors import LONGEST_VALUE, UsageError
from unharness.safe_text import shortened

_SHARED = (
    click.option(
        "--method",
        "-m",
        multiple=True,
        shell_complete=complete("methods", lists=True),
        help=f"Methods, separated by commas [default: {defaults.METHOD}].",
    ),
    click.option(
        "--task",
        "-t",
        multiple=True,
        shell_complete=complete("tasks", lists=True),
        help=f"Tasks, separated by commas, or a file of your own facts [default: {defaults.TASK}].",
    ),
    click.option(
        "--model",
        multiple=True,
        shell_complete=complete("models", lists=True, paths=FOLDER),
        help="Base models, separated by commas: presets, folders or hub ids [default: tiny].",
    ),
    target_option,
    click.option("--seed", help="Seeds, such as 0..4, or 0,1,2 [default: 0]."),
    click.option(
        "--target-seed", help="Seeds of the target model, such as 0..2 [default: its recipe's]."
    ),
    click.option(
        "--references/--no-references",
        default=None,
        help="Make the reference rows too, once per target: base, target, and two or three "
        "retrained models, which closeness is measured against [default: yes, unless the data is "
        "limited or the target given].",
    ),
    tuning_option,
    engine_options(),
    suite_options(),
    data_option(),
    facts_options,
    general_option,
    results_folder_option,
    log_option,
    setting_options,
    limit_options,
    device_option,
    precision_option,
    click.option(
        "--workers", type=click.IntRange(1), help="Runs at the same time [default: by machine]."
    ),
    click.option(
        "--executor",
        shell_complete=complete("executors"),
        default="local",
        show_default=True,
        help="Where to run: local, in-process, ray, or a plugin's executor.",
    ),
    click.option("--address", help="Address of a Ray cluster: auto, or HOST:PORT."),
    output_options,
)


shared_options = together(*_SHARED)
"""The flags that every command over many runs has."""


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
    if flags.get("references") is False:  # the one flag whose "no" says something
        values["references"] = False
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
    from unharness.strict_yaml import YamlError, load_yaml  # not for --help

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
