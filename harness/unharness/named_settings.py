"""Names with settings, as in `NAME:SETTING=VALUE,…`: what `--task` and `--attack` take."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from unharness.errors import LONGEST_VALUE, UsageError
from unharness.safe_text import shortened
from unharness.strict_yaml import YamlError, load_yaml

_BEFORE_A_SETTING = re.compile(r",(?=[^,=]*=)")
_BEFORE_A_NAME = re.compile(r",(?!\s*[A-Za-z_][\w-]*\s*=)")
_PLAIN = re.compile(r"[A-Za-z0-9_.+-]+")
"""Texts that need no quotes."""


def parse_named(text: str, flag: str) -> tuple[str, dict[str, Any]]:
    """Return the name in `NAME:SETTING=VALUE,…`, and its settings; values as in YAML.

    A comma within a value belongs to it; a dash in a setting's name counts as an underscore.

    Raises:
        UsageError: a setting has no '=' or its value is not YAML.
    """
    name, _, settings = text.strip().partition(":")
    return name.strip(), dict(_settings(settings, f"{flag} {shortened(text, LONGEST_VALUE)}"))


def bare_name(text: str) -> str:
    """Return the name in `NAME:SETTING=VALUE,…`, without its settings."""
    return text.partition(":")[0].strip()


def split_names(text: str) -> tuple[str, ...]:
    """Return the names in `NAME,NAME:SETTING=VALUE,SETTING=VALUE,NAME`, each with its settings."""
    parts = _parts(text, _BEFORE_A_NAME)
    return tuple(part.strip() for part in parts if part.strip())


def split_settings(text: str) -> tuple[str, ...]:
    """Return the settings in `SETTING=VALUE,SETTING=VALUE`; a comma in a value belongs to it."""
    return tuple(_parts(text, _BEFORE_A_SETTING))


def changed_settings(settings: BaseModel) -> str:
    """Return `SETTING=VALUE,…` of those that differ from their defaults, sorted; empty for none.

    A text stands without quotes where `parse_named` and the model make the same of it again;
    anything else is JSON, which is YAML too.
    """
    kind = type(settings)
    values, own = settings.model_dump(mode="json"), kind().model_dump(mode="json")
    parts = []
    for key in sorted(name for name in values if values[name] != own[name]):
        value = values[key]
        bare = isinstance(value, str) and _PLAIN.fullmatch(value)
        if not (bare and _reads_as(settings, key, values, load_yaml(value).value)):
            value = json.dumps(value, separators=(",", ":"), sort_keys=True)
        parts.append(f"{key}={value}")
    return ",".join(parts)


def _reads_as(settings: BaseModel, key: str, values: Mapping[str, Any], value: Any) -> bool:
    try:
        return type(settings).model_validate({**values, key: value}) == settings
    except ValidationError:
        return False


def _settings(text: str, shown: str) -> Iterator[tuple[str, Any]]:
    for item in _parts(text, _BEFORE_A_SETTING) if text else ():
        key, mark, value = item.partition("=")
        if not mark or not key.strip():
            raise UsageError(f"{shown}: expected NAME:SETTING=VALUE,…")
        try:
            yield key.strip().replace("-", "_"), load_yaml(value).value
        except YamlError as error:
            raise UsageError(
                f"{shown}: the value of {key.strip()} is not YAML that can be used: {error.problem}"
            ) from None


def _parts(text: str, comma: re.Pattern[str]) -> Iterator[str]:
    """Yield what stands between the commas that match and are outside of lists and mappings."""
    start = 0
    balanced = _depth(text) == 0
    for found in comma.finditer(text):
        if balanced and _depth(text[start : found.start()]) > 0:
            continue
        yield text[start : found.start()]
        start = found.end()
    yield text[start:]


def _depth(text: str) -> int:
    return sum(text.count(sign) for sign in "[{") - sum(text.count(sign) for sign in "]}")
