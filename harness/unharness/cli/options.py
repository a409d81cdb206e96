"""Options that several commands share."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from unharness import defaults
from unharness.cli.completion import FOLDER, complete

F = TypeVar("F", bound=Callable[..., Any])

results_option = click.option(
    "--results",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    envvar=defaults.RESULTS_VARIABLE,
    default=defaults.RESULTS,
    show_default=True,
    help="The folder of records.",
)

# `main` looks for the flag itself; a command only has to accept it.
debug_option = click.option(
    "--debug", is_flag=True, expose_value=False, help="Show a traceback where one helps."
)


target_option = click.option(
    "--target",
    shell_complete=complete(paths=FOLDER),
    metavar="PATH_OR_ID",
    help="Weights that know the facts already, a checkpoint or an adapter: nothing is taught. "
    "--model then names the base that they were made from, which 'retrain' needs.",
)


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
        help="How to print it.",
    )


def limit_options(command: F) -> F:
    """Add `--limit` and `--limit-train`."""
    for option in (
        click.option(
            "--limit-train",
            type=click.IntRange(1),
            metavar="N",
            help="Learn and unlearn only the first N examples of each split; never ranked.",
        ),
        click.option(
            "--limit",
            type=click.IntRange(1),
            metavar="N",
            help="Evaluate only the first N examples of each split; never ranked.",
        ),
    ):
        command = option(command)
    return command


attack_option = click.option(
    "--attack",
    multiple=True,
    metavar="NAME[:SETTING=VALUE,…]",
    shell_complete=complete("attacks", "none"),
    help="Attack the unlearned model before it is measured; 'A + B' for several in a row; "
    "repeatable, each on the same unlearned weights. 'unharness attacks' lists them "
    "[default: none].",
)


template_option = click.option(
    "--template",
    shell_complete=complete("", "plain", "chat"),
    metavar="NAME",
    help="How question and answer are joined: plain or chat [default: the task's, else chat "
    "where the model has a chat template].",
)


def length_options(command: F) -> F:
    """Add `--max-length` and `--max-new-tokens`."""
    for option in (
        click.option(
            "--max-new-tokens",
            type=click.IntRange(1),
            metavar="N",
            help="Tokens generated after a prompt at most [default: the task's].",
        ),
        click.option(
            "--max-length",
            type=click.IntRange(2),
            metavar="N",
            help="Tokens of question and answer, in training and evaluation; the rest is left out "
            "[default: the task's].",
        ),
    ):
        command = option(command)
    return command


def setting_options(command: F) -> F:
    """Add what tasks set and users may override: LoRA, the target's recipe, lengths, template."""
    for option in (
        template_option,
        length_options,
        click.option(
            "--target-set",
            multiple=True,
            metavar="KEY=VALUE",
            help="Of how the target is trained: epochs, lr, batch_size, seed, …; repeatable "
            "[default: the task's recipe].",
        ),
        click.option(
            "--lora",
            multiple=True,
            metavar="KEY=VALUE",
            help="Of the LoRA adapter: r, alpha, dropout; repeatable [default: the task's, "
            "else r=8, alpha=16, dropout=0.1].",
        ),
    ):
        command = option(command)
    return command
