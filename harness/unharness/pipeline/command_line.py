"""The command line that asks for a run again, from what its record says was passed."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from unharness.strict_yaml import YamlError, load_yaml

FIRST = ("method", "task", "model")
MAPPINGS = ("set", "lora", "target_set", "engine_set")
NO_FLAGS = ("eval_split", "tuned", "checkpoints", "force", "save_weights")
"""Fields of a request that no flag of `unharness run` sets, or that are said otherwise."""


def run_command(passed: Mapping[str, Any], *more: str) -> str:
    """Return `unharness run …` as a shell reads it.

    Args:
        passed: of a record: what the user gave.
        more: further words.
    """
    ordered = {name: passed[name] for name in FIRST if name in passed} | dict(passed)
    words = [word for name, value in ordered.items() for word in _flags(name, value)]
    return shlex.join(["unharness", "run", *words, *more])


def _flags(name: str, value: Any) -> Iterator[str]:
    flag = f"--{name.replace('_', '-')}"
    if name in NO_FLAGS or value is None:
        return
    if name in MAPPINGS:
        for key, item in value.items():
            yield from (flag, f"{key}={_as_yaml(item)}")
    elif isinstance(value, list | tuple):
        for item in value:
            yield from (flag, str(item))
    elif isinstance(value, bool):
        yield from [flag] * value
    else:
        yield from (flag, str(value))


def _as_yaml(value: Any) -> str:
    """Return a value as the flag reads it back."""
    if isinstance(value, str):
        try:
            if load_yaml(value).value == value:
                return value
        except YamlError:
            pass
    return json.dumps(value)
