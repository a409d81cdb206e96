"""The engines of a run, or of many: one of each, alive as long as they are needed."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from unharness.engines.engine import Engine
from unharness.plugins import Registry


class EnginePool:
    """Makes each engine once, and closes them all in the end."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._engines: dict[str, Engine] = {}

    def get(self, name: str) -> Engine:
        """Return the engine of that name, made when it is first asked for."""
        if name not in self._engines:
            self._engines[name] = self._registry.get("engines", name)()
        return self._engines[name]

    def rest(self) -> None:
        """Let every engine give back what a training needs."""
        for engine in self._engines.values():
            engine.rest()

    def close(self) -> None:
        """Close every engine."""
        for engine in self._engines.values():
            engine.close()
        self._engines.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
