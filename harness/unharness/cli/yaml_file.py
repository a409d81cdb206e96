"""A YAML file that holds what flags say: `unharness run FILE`, `unharness sweep FILE`."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unharness import defaults
from unharness.cli.pairs import MAPPINGS
from unharness.errors import UsageError, short_value, suggestion

if TYPE_CHECKING:
    from pydantic import BaseModel


def file_keys(request: type[BaseModel], *, but: Collection[str]) -> tuple[str, ...]:
    """Return the keys of a command's YAML file: the fields of its request.

    Args:
        request: what the command makes of the file and the flags.
        but: fields that are no flags of the command.
    """
    return tuple(name for name in request.model_fields if name not in but)


def from_file(path: Path, keys: Collection[str]) -> dict[str, Any]:
    """Read a YAML file of flags.

    Args:
        path: the file.
        keys: what it may hold; `-` counts as `_`.

    Raises:
        UsageError: it cannot be read, is no mapping, or has a key that is no flag; says the line
            and the nearest key.
    """
    from unharness.strict_yaml import YamlError, load_yaml  # not for --help

    try:
        document = load_yaml(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(f"{short_value(str(path))}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: cannot be read as UTF-8 text ({error})") from error
    except YamlError as error:
        place = f"{path}, line {error.line}" if error.line else str(path)
        raise UsageError(f"{place}: not YAML that can be used: {error.problem}") from error
    content, lines = document.value, document.lines
    if not isinstance(content, dict):
        raise UsageError(f"{path}: expected keys and values such as 'method: {defaults.METHOD}'")
    seen: dict[str, str] = {}
    for key in map(str, content):
        name = key.replace("-", "_")
        place = f"{path}, line {lines.get(key, 1)}"
        if name not in keys:
            raise UsageError(f"{place}: unknown key {short_value(key)}.{suggestion(key, keys)}")
        if name in seen:
            raise UsageError(f"{place}: the key {name!r} stands twice, as {seen[name]!r} too")
        seen[name] = key
    values = {str(key).replace("-", "_"): value for key, value in content.items()}
    for name in MAPPINGS:
        if not isinstance(values.get(name) or {}, dict):
            raise UsageError(
                f"{path}, line {lines[seen[name]]}: {name!r} must hold names and values"
            )
    return values
