"""A commented YAML file with every key that a command takes, and its default."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click
from pydantic import BaseModel

from unharness.cli.pairs import EXAMPLES

WIDTH = 96
_DEFAULT = re.compile(r"\s*\[default: [^\[\]]*\]")


def template(
    command: click.Command,
    request: type[BaseModel],
    keys: Sequence[str],
    given: Mapping[str, Any],
    hyperparameters: Sequence[Mapping[str, Any]],
) -> str:
    """Return the file's text: what is given stands, all else is commented out at its default.

    Args:
        command: whose flags say what a key means.
        request: whose fields the keys are.
        keys: of the file, in the order of the file.
        given: values that are not commented out.
        hyperparameters: of the method, as `describe` has them; they stand under `set`.
    """
    name = command.name
    lines = [
        f"# For `unharness {name} FILE`; flags on the command line override what stands here.",
        "# Remove the # before a key to set it. What is commented out is at its default.",
    ]
    for key in sorted(keys, key=lambda one: one not in given):
        if (told := _help(command, key)) is None:  # a file may hold it, and no flag says what it is
            continue
        lines += ["", *_comments(told)]
        if key == "set" and hyperparameters:
            lines += _settings(hyperparameters, many=name != "run")
            continue
        default = request.model_fields[key].get_default(call_default_factory=True)
        lines.append(f"{key}: {_yaml(given[key])}" if key in given else f"#{key}: {_yaml(default)}")
        if f"--{key.replace('_', '-')}" in EXAMPLES:
            pair = EXAMPLES[f"--{key.replace('_', '-')}"].partition("=")
            lines.append(f"# such as {key}: {{{pair[0]}: {pair[2]}}}")
    return "\n".join(lines) + "\n"


def _settings(hyperparameters: Sequence[Mapping[str, Any]], *, many: bool) -> Iterator[str]:
    yield "#set:"
    for one in hyperparameters:
        notes = [one["description"], one["bounds"], ", ".join(map(str, one["choices"]))]
        notes += [f"{_yaml(value)} on {model}" for model, value in one["defaults"].items()]
        yield from _comments("; ".join(filter(None, notes)), indent="#  # ")
        value = one["default"]
        yield f"#  {one['name']}: {_yaml([value] if many else value)}"


def _help(command: click.Command, key: str) -> str | None:
    """Return what a flag says of itself, without its default; None where there is no such flag."""
    flag = f"--{key.replace('_', '-')}"
    options = (one for one in command.params if isinstance(one, click.Option))
    found = next((one for one in options if flag in one.opts), None)
    if found is None:
        return None
    text = _DEFAULT.sub("", found.help or "").strip()
    if isinstance(found.type, click.Choice):
        text += f" One of {', '.join(map(str, found.type.choices))}."
    return text


def _comments(text: str, indent: str = "# ") -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent)


def _yaml(value: Any) -> str:
    """Return a value as YAML in one line; JSON is YAML."""
    if isinstance(value, str) and re.fullmatch(r"[a-z][\w.-]*", value) and value not in _WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)


_WORDS = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}
"""Texts that YAML takes for something else."""
