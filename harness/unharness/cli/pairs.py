"""Flags that take NAME=VALUE and may be repeated."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from unharness.errors import LONGEST_VALUE, UsageError
from unharness.named_settings import split_settings
from unharness.safe_text import shortened

EXAMPLES = {
    "--set": "lr=1e-4",
    "--lora": "r=16",
    "--target-set": "epochs=3",
    "--engine-set": "batch_size=8",
    "--columns": "prompt=question",
}
"""By flag, what is given as an example where a pair is none."""
MAPPINGS = tuple(flag.removeprefix("--").replace("-", "_") for flag in EXAMPLES)
"""The fields of a request that these flags fill; in a file each holds names and values."""


def with_flags(
    values: Mapping[str, Any], flags: Mapping[str, Any], mappings: Collection[str] = MAPPINGS
) -> dict[str, Any]:
    """Return what a file says, and what the flags say over it; pairs are merged by name.

    Args:
        values: of the file, by the name of the field.
        flags: as click returns them; None, `()` and False where a flag was not given.
        mappings: which of them hold pairs.

    Raises:
        UsageError: a pair has no '=' or its value is not YAML.
    """
    merged = dict(values)
    for name, value in flags.items():
        if value is None or value is False or value == ():
            continue
        if name in mappings:
            read = column_names if name == "columns" else key_values
            pairs = read(value, f"--{name.replace('_', '-')}")
            value = dict(values.get(name) or {}) | pairs
        merged[name] = value
    return merged


def column_names(given: tuple[str, ...], flag: str) -> dict[str, str]:
    """Read KEY=COLUMN pairs, several with commas between them; a column may have any name.

    Raises:
        UsageError: a pair has no '='.
    """
    found = {}
    for pair in (one for text in given for one in split_settings(text)):
        key, _, name = (part.strip() for part in pair.partition("="))
        if not key or not name:
            raise UsageError(
                f"{flag} {shortened(pair, LONGEST_VALUE)}: expected KEY=COLUMN, such as "
                f"{flag} {EXAMPLES[flag]}"
            )
        found[key.replace("-", "_")] = name
    return found


def key_values(pairs: tuple[str, ...], flag: str) -> dict[str, Any]:
    """Read NAME=VALUE pairs; values as in YAML.

    Raises:
        UsageError: a pair has no '=' or its value is not YAML.
    """
    from unharness.strict_yaml import YamlError, load_yaml  # not for --help

    values = {}
    for pair in pairs:
        name, mark, text = pair.partition("=")
        if not mark or not name:
            raise UsageError(
                f"{flag} {shortened(pair, LONGEST_VALUE)}: expected KEY=VALUE, such as "
                f"{flag} {EXAMPLES[flag]}"
            )
        try:
            values[name.strip().replace("-", "_")] = load_yaml(text).value
        except YamlError as error:
            raise UsageError(
                f"{flag} {shortened(pair, LONGEST_VALUE)}: the value is not YAML that can be used: "
                f"{error.problem}"
            ) from None
    return values
