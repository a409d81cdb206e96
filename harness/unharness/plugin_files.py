"""Plugins that are single Python files: those that the user names, and no others.

`--plugin FILE` puts a file into the environment variable, so that the processes that this one
starts (workers of sweeps, Ray's tasks, vLLM's) load the same files.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import sys
from collections.abc import Iterable
from importlib.abc import FileLoader, SourceLoader
from pathlib import Path
from types import ModuleType

FILES_VARIABLE = "UNHARNESS_PLUGINS"
PREFIX = "unharness_plugin_file_"
DIGITS = 12


class _Source(FileLoader, SourceLoader):  # type: ignore[misc]  # typeshed: path_stats differ
    """Compiles a file each time: bytecode beside it may be older than an edit."""


def absolute(path: str | Path) -> Path:
    """Return a path from the root, `..` taken out and links left as they are."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - a link's own name is the plugin's


def named_files() -> list[Path]:
    """Return the files that `UNHARNESS_PLUGINS` names, absolute, each once, in their order."""
    given = os.environ.get(FILES_VARIABLE, "").split(os.pathsep)
    return list(dict.fromkeys(absolute(text) for text in given if text.strip()))


def name_files(paths: Iterable[Path]) -> None:
    """Name files besides those that are named already, for this process and those it starts."""
    files = dict.fromkeys([*named_files(), *(absolute(path) for path in paths)])
    os.environ[FILES_VARIABLE] = os.pathsep.join(map(str, files))


def module_name(path: Path) -> str:
    """Return the name of a file's module; it is in the source hash, and its folder is not."""
    return PREFIX + re.sub(r"\W", "_", path.stem)


def content_version(path: Path) -> str:
    """Return what stands for the version of a file: a hash of its content; empty if unreadable."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:DIGITS]
    except OSError:
        return ""


def load_file(path: Path) -> ModuleType:
    """Import a file as a module of its own, anew at each call.

    Its folder is not put on `sys.path`: what it imports must be installed.

    Raises:
        Exception: whatever its code raises; OSError if it cannot be read.
    """
    name = module_name(path)
    spec = importlib.util.spec_from_file_location(name, path, loader=_Source(name, str(path)))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # as an import does: dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
