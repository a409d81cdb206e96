"""The engines of a run, or of many: one of each, alive as long as they are needed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from unharness.checked import checked
from unharness.engines.engine import Engine
from unharness.registry import Registry


def make_engine(found: type[Engine], options: Mapping[str, Any]) -> Engine:
    """Return an engine with its options.

    Raises:
        UsageError: an option is unknown or out of bounds.
    """
    if not options:
        return found()
    return found(engine_options(found, options))  # type: ignore[call-arg]


def engine_options(found: type[Engine], given: Mapping[str, Any]) -> BaseModel:
    """Return an engine's options, checked.

    Raises:
        UsageError: one is unknown or out of bounds.
    """
    return checked(f"engine {found.name!r}", found.Options, given)


class EnginePool:
    """Makes each engine once; `close` (or `contextlib.closing`) closes them all."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._engines: dict[str, Engine] = {}

    def get(self, name: str, options: Mapping[str, Any] | None = None) -> Engine:
        """Return the engine of that name with those options, made when it is first asked for."""
        key = json.dumps([name, dict(options or {})], sort_keys=True)
        if key not in self._engines:
            found: type[Engine] = self._registry.get("engines", name)
            self._engines[key] = make_engine(found, options or {})
        return self._engines[key]

    def release_memory(self) -> None:
        """Let every engine give back what a training needs."""
        for engine in self._engines.values():
            engine.release_memory()

    def close(self) -> None:
        """Close every engine."""
        for engine in self._engines.values():
            engine.close()
        self._engines.clear()
