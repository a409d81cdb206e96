"""What must be closed, and is when its block is left."""

from __future__ import annotations

from types import TracebackType
from typing import Self


class Closing:
    """A context that closes itself on the way out, by an exception too."""

    def close(self) -> None:
        """End what lives on. The default does nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
