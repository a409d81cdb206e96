"""A YAML file that holds what flags say: `unharness run FILE`, `unharness sweep FILE`."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

from unharness.errors import UsageError, suggestion

MAPPINGS = ("set", "engine_set")


def from_file(path: Path, keys: Collection[str]) -> dict[str, Any]:
    """Read a YAML file of flags.

    Args:
        path: the file.
        keys: what it may hold; `-` counts as `_`.

    Raises:
        UsageError: it cannot be read, is no mapping, or has a key that is no flag; says the line
            and the nearest key.
    """
    try:
        text = path.read_text(encoding="utf-8")
        content, node = yaml.safe_load(text), yaml.compose(text, Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read ({error})") from error
    except yaml.YAMLError as error:
        raise UsageError(f"{path}: not YAML ({' '.join(str(error).split())})") from error
    if not isinstance(content, dict) or not isinstance(node, yaml.MappingNode):
        raise UsageError(f"{path}: expected keys and values such as 'method: memflex'")
    lines = {str(key.value): key.start_mark.line + 1 for key, _ in node.value}
    for key in content:
        if str(key).replace("-", "_") not in keys:
            raise UsageError(
                f"{path}, line {lines.get(str(key), 1)}: unknown key {str(key)!r}."
                f"{suggestion(str(key), keys)}"
            )
    values = {str(key).replace("-", "_"): value for key, value in content.items()}
    for name in MAPPINGS:
        if not isinstance(values.get(name) or {}, dict):
            raise UsageError(f"{path}, line {lines[name]}: {name!r} must hold names and values")
    return values
