"""Options that the commands share which make runs: `run`, `evaluate`, `sweep`, `tune`."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar

import click

from unharness.cli.completion import (
    DATA,
    DEVICES,
    FILE,
    FOLDER,
    GENERAL,
    SUITE_DATA,
    complete,
)
from unharness.defaults import AUTO_ENGINE

F = TypeVar("F", bound=Callable[..., Any])
Decorator = Callable[[Any], Any]


def together(*options: Decorator) -> Callable[[F], F]:
    """Return several options as one decorator; `--help` shows them in this order."""

    def decorate(command: F) -> F:
        return reduce(lambda made, option: option(made), reversed(options), command)

    return decorate


target_option = click.option(
    "--target",
    shell_complete=complete(paths=FOLDER),
    metavar="PATH_OR_ID",
    help="Use this checkpoint or adapter, which knows the facts already, as the target model; no "
    "target is trained. --model then names its base model, for methods that start from the base. "
    "'published' is the one that the task knows for --model.",
)

tuning_option = click.option(
    "--tuning",
    type=click.Choice(["lora", "full"]),
    help="Parameters to train: an adapter (lora) or all (full) [default: by model].",
)

preset_option = click.option(
    "--preset",
    metavar="NAME[:MODEL]",
    shell_complete=complete("presets"),
    help="Published hyperparameters: NAME, or NAME:MODEL for another model's; 'unharness methods "
    "show METHOD' lists them.",
)

attack_option = click.option(
    "--attack",
    multiple=True,
    metavar="NAME[:SETTING=VALUE,…]",
    shell_complete=complete("attacks", "none"),
    help="Attack the unlearned model before it is measured; 'A + B' for several in a row; "
    "repeatable, each on the same unlearned weights. 'unharness attacks' lists them "
    "[default: none].",
)

metric_option = click.option(
    "--metric",
    multiple=True,
    metavar="NAME[:PARAM=VALUE,…][@SPLIT]",
    shell_complete=complete("metrics"),
    help="Compute this metric besides the task's own: on SPLIT, else on every evaluated split that "
    "has what it needs; repeatable. 'against=SPLIT' and 'label=NAME' may stand among the "
    "parameters.",
)

general_option = click.option(
    "--general",
    metavar="FILE",
    shell_complete=complete("", *GENERAL, paths=FILE),
    help="General text, for methods that use it: a file, 'bundled', or 'hub' [default: the task's "
    "or the model's own].",
)

log_option = click.option(
    "--log",
    multiple=True,
    metavar="NAME",
    shell_complete=complete("loggers"),
    help="Log training and final metrics too: tensorboard, wandb, mlflow, trackio, or a plugin's "
    "logger; repeatable. 'unharness loggers' lists them.",
)

save_weights_option = click.option(
    "--save-weights", is_flag=True, default=None, help="Keep the unlearned weights."
)

device_option = click.option(
    "--device",
    shell_complete=complete("", *DEVICES),
    help="auto, cpu, cuda, cuda:N [default: auto].",
)

precision_option = click.option(
    "--precision",
    type=click.Choice(("auto", "float32", "bfloat16")),
    help="Arithmetic of training: bfloat16 is autocast, over weights in float32, under "
    "an adapter in bfloat16 [default: the model's own, else bfloat16 where the device computes in "
    "it].",
)

results_folder_option = click.option(
    "--results", metavar="DIR", help="Folder to write records to [default: results]."
)
"""Unlike `results_option` it may stand in a YAML file, so that the default is set later."""

limit_options = together(
    click.option(
        "--limit",
        type=click.IntRange(1),
        metavar="N",
        help="Evaluate only the first N examples of each split; never ranked.",
    ),
    click.option(
        "--limit-train",
        type=click.IntRange(1),
        metavar="N",
        help="Train on only the first N examples of each split; never ranked.",
    ),
)

template_option = click.option(
    "--template",
    shell_complete=complete("", "plain", "chat"),
    metavar="NAME",
    help="How question and answer are joined: plain or chat [default: the task's, else chat "
    "where the model has a chat template].",
)

max_length_option = click.option(
    "--max-length",
    type=click.IntRange(2),
    metavar="N",
    help="Maximum tokens of question and answer, in training and evaluation; the rest is cut "
    "off [default: the task's].",
)

length_options = together(
    max_length_option,
    click.option(
        "--max-new-tokens",
        type=click.IntRange(1),
        metavar="N",
        help="Maximum number of tokens to generate for an answer [default: the task's].",
    ),
)

facts_options = together(
    click.option(
        "--retain",
        metavar="FILE",
        shell_complete=complete(paths=FILE),
        help="What the model should keep, where --task is a file of facts: a file, or a dataset "
        "on the hub.",
    ),
    click.option(
        "--columns",
        multiple=True,
        metavar="KEY=COLUMN,…",
        help="What files of facts call prompt, answer, group, split, paraphrased_prompts and so "
        "on; other columns are left out. Repeatable.",
    ),
)
"""For facts of the user's own, `--task FILE`."""

report_option = click.option(
    "--report",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write a page that can be read without knowing machine learning: what was forgotten, what "
    "was lost, how sure that is, and what was not tested.",
)

setting_options = together(
    click.option(
        "--lora",
        multiple=True,
        metavar="KEY=VALUE",
        help="A setting of the LoRA adapter: r, alpha, dropout; repeatable [default: the task's, "
        "else r=8, alpha=16, dropout=0.1].",
    ),
    click.option(
        "--target-set",
        multiple=True,
        metavar="KEY=VALUE",
        help="A setting of the target's training: epochs, lr, batch_size, seed, …; repeatable "
        "[default: the task's recipe].",
    ),
    length_options,
    template_option,
)
"""What tasks set and users may override."""

output_options = together(
    click.option(
        "--quiet",
        "-q",
        is_flag=True,
        help="Print nothing but errors, and what --format json asks for.",
    ),
    click.option(
        "--progress",
        "progress_form",
        type=click.Choice(("bar", "json", "none")),
        help="How progress is shown on stderr: bar, json (an object a line, for programs), none "
        "[default: bar on a terminal, else a line for every stage].",
    ),
    click.option("--debug", is_flag=True, help="Show tracebacks and library warnings."),
)


def engine_options(default: str = "auto: vllm on a GPU where installed, else hf") -> Decorator:
    """Return `--engine` and `--engine-set`."""
    return together(
        click.option(
            "--engine",
            shell_complete=complete("engines", AUTO_ENGINE),
            help=f"Text generation engine: hf, vllm, or auto [default: {default}].",
        ),
        click.option(
            "--engine-set",
            multiple=True,
            metavar="KEY=VALUE",
            help="An option of the engine; repeatable. 'unharness engines show NAME' lists them.",
        ),
    )


def prompt_option(lists: bool = False) -> Decorator:
    """Return `--prompt`; with `lists` it takes several names, separated by commas."""
    return click.option(
        "--prompt",
        multiple=True,
        metavar="NAME|FILE",
        shell_complete=complete("prompts", paths=FILE, lists=lists),
        help="Instruction before every evaluated question: none, assistant, a plugin's prompt, or "
        "a text file; repeatable, each on the same weights [default: none].",
    )


def suite_options(default: str = "the model's own, else the task's") -> Decorator:
    """Return `--suite`, and where its tasks, questions and their number come from."""
    return together(
        click.option(
            "--suite",
            metavar="NAME",
            shell_complete=complete("suites", "none", lists=True),
            help="General knowledge to measure: a suite, lm-eval tasks separated by commas, or "
            f"'none' [default: {default}].",
        ),
        click.option(
            "--include-path", metavar="DIR", help="Folder of lm-eval task YAML files, for --suite."
        ),
        click.option(
            "--suite-data",
            shell_complete=complete("", *SUITE_DATA, paths=FOLDER),
            metavar="DIR",
            help="Where --suite reads MMLU, ARC, TruthfulQA and others: a folder of their files, "
            "'hub', or 'auto': general/ in --data or $UNHARNESS_DATA, else the hub "
            "[default: auto].",
        ),
        click.option(
            "--suite-limit",
            metavar="N|none",
            shell_complete=complete("", "none"),
            help="Questions of each task of --suite, a fixed sample, the same in every run; 'none' "
            "for all [default: all; on a CPU 50, but all of the bundled facts].",
        ),
    )


def data_option(only_for: str = "") -> Decorator:
    """Return `--data`; `only_for` says for what, if it does not always count."""
    return click.option(
        "--data",
        shell_complete=complete("", *DATA, paths=FOLDER),
        help=f"Data{f' {only_for}' if only_for else ''}: a folder, 'hub', 'standin' (bundled "
        "stand-in data), or 'auto': $UNHARNESS_DATA, the cache, the hub, else the stand-in "
        "[default: auto].",
    )
