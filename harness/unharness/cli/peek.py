"""`unharness peek`: what a model is given of an example."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from unharness import defaults
from unharness.cli.completion import FILE, FOLDER, complete
from unharness.cli.console import echo_json, stdout_console
from unharness.cli.options import debug_option, format_option
from unharness.cli.pairs import column_names
from unharness.cli.run_options import (
    data_option,
    facts_options,
    max_length_option,
    template_option,
)

if TYPE_CHECKING:
    from unharness.pipeline.peek import Answer, Peek
    from unharness.terminal import Console

EPILOG = f"""\b
Examples:
  unharness peek {defaults.TASK}
  unharness peek {defaults.TASK} --split retain_train --model smollm2-135m
  unharness peek {defaults.TASK} --model ./Llama-3.2-1B --template chat --format json
"""


@click.command("peek", epilog=EPILOG)
@click.argument("task", shell_complete=complete("tasks", paths=FILE))
@click.option("--split", metavar="NAME", help="A split of the task [default: the first].")
@click.option("--example", metavar="ID", help="An example's id [default: the first].")
@click.option(
    "--model",
    default="tiny",
    show_default=True,
    shell_complete=complete("models", paths=FOLDER),
    help="Whose tokenizer: a preset, a folder, or a hub id.",
)
@template_option
@max_length_option
@data_option()
@facts_options
@format_option("table", "json")
@debug_option
def peek_command(
    split: str | None, example: str | None, columns: tuple[str, ...], form: str, **given: Any
) -> None:
    """Show the exact prompt, tokens and scored positions of an example, and its alternatives.

    TASK is a task, or a file of your own facts. The model's tokenizer is loaded, no weights are.
    """
    from unharness.cli.run import calm_libraries
    from unharness.pipeline.peek import peek
    from unharness.registry import registry
    from unharness.request import make_request

    calm_libraries(debug=False)
    values = {name: value for name, value in given.items() if value is not None}
    if columns:
        values["columns"] = column_names(columns, "--columns")
    found = peek(make_request(values), registry(), split, example)
    if form == "json":
        echo_json(_facts(found))
    else:
        _print(found, stdout_console())


def _facts(found: Peek) -> dict[str, Any]:
    split = found.split
    facts = {
        "task": found.task,
        "model": found.model,
        "data": found.source,
        "split": {
            name: getattr(split, name)
            for name in ("name", "role", "kind", "learned", "trainable", "evaluated")
        },
        "example": {"id": found.example.id, "place": found.place, **found.example.content()},
        "template": found.template,
        "max_length": found.max_length,
        "prompts": [{"kind": kind, "text": text} for kind, text in found.prompts],
    }
    return facts | {
        "learned": found.learned and _answer_facts(found.learned),
        "evaluated": found.evaluated and _answer_facts(found.evaluated),
        "others": [_answer_facts(one) for one in found.others],
    }


def _answer_facts(one: Answer) -> dict[str, Any]:
    return asdict(one) | {"scored": one.scored}


def _print(found: Peek, console: Console) -> None:
    from unharness.terminal import Text

    split = found.split
    does = [word for word in ("learned", "trainable", "evaluated") if getattr(split, word)]
    console.print(
        Text(f"{found.task} · {split.name} · {found.example.id}", "bold"),
        Text(f"({found.place + 1} of {len(split)})"),
    )
    console.print(Text(f"role {split.role}, kind {split.kind}; {', '.join(does) or 'not used'}"))
    console.print(Text(f"model {found.model}, template {found.template}, at most "), end="")
    console.print(Text(f"{found.max_length} tokens; data: {found.source}"))
    for kind, text in found.prompts:
        console.print(Text(f"\ntext is generated after ({kind}):", "bold"))
        console.print(Text(repr(text)))
    shown: set[str] = set()
    if found.learned is not None:
        console.print(Text("\nlearned, with the end token:", "bold"))
        _print_tokens(found.learned, console, shown)
    if found.evaluated is not None:
        console.print(Text("\nevaluated:", "bold"))
        _print_tokens(found.evaluated, console, shown)
    for one in found.others:
        gold = ", the right one" if one.gold else ""
        console.print(Text(f"\n{one.answer}{gold}, asked by {one.question}:", "bold"))
        _print_tokens(one, console, shown)


def _print_tokens(one: Answer, console: Console, shown: set[str]) -> None:
    """Print each row's tokens, what is given apart from what is scored.

    Args:
        one: the answer.
        console: where.
        shown: what was given before; it is not printed again.
    """
    from unharness.terminal import Text

    for at, row in enumerate(one.windows):
        first = next((place for place, token in enumerate(row) if token.scored), len(row))
        words = [repr(token.text) if not token.special else token.text for token in row]
        window = f"window {at + 1}, " if len(one.windows) > 1 else ""
        given = _wrapped(words[:first], console.width)
        same = ", as above" if given and given in shown else ""
        shown.add(given)
        console.print(Text(f"{window}given, {first} tokens{same}", "dim"))
        if given and not same:
            console.print(Text(given))
        span = f", positions {first} to {len(row) - 1}" if first < len(row) else ""
        console.print(Text(f"{window}scored, {len(row) - first} tokens{span}", "green"))
        if first < len(row):
            console.print(Text(_wrapped(words[first:], console.width)))
    if one.truncated:
        console.print(Text("cut: what lies beyond the longest row is left out", "yellow"))


def _wrapped(words: Sequence[str], width: int) -> str:
    """Return words in lines; none is broken, as spaces in it count."""
    lines, line = [], ""
    for word in words:
        if line and len(line) + 1 + len(word) > width:
            lines.append(line)
            line = ""
        line = f"{line} {word}" if line else f"  {word}"
    return "\n".join([*lines, line] if line else lines)
