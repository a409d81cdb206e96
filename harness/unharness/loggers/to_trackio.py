"""Logs to Trackio, on this machine or in a Hugging Face Space."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unharness.loggers.logger import Ending, LoggedRun, Logger

PROJECT = "unharness"


class Trackio(Logger):
    """A run of Trackio; TRACKIO_PROJECT, TRACKIO_SPACE_ID and TRACKIO_DIR say where."""

    name = "trackio"
    summary = "Trackio; on this machine, or in the Space that TRACKIO_SPACE_ID names."
    library = "trackio"
    install = "unharness[trackio]"

    @classmethod
    def place(cls, folder: Path) -> str:
        """Return the command that shows them."""
        return f"--log trackio: trackio show --project {_project()}"

    def start(self, run: LoggedRun) -> None:
        """Open a run; one of several that may be open."""
        import trackio

        self._run: Any = trackio.init(
            project=_project(),
            name=run.title,
            group=run.group,
            space_id=os.environ.get("TRACKIO_SPACE_ID"),
            config=dict(run.settings),
            embed=False,
            auto_log_gpu=False,
        )
        self._last = 0

    def step(self, step: int, values: Mapping[str, float]) -> None:
        """Log a step."""
        self._last = step
        self._run.log(dict(values), step=step)

    def finish(self, metrics: Mapping[str, float], ending: Ending) -> None:
        """Log the metrics at the last step."""
        if metrics:
            self._run.log(dict(metrics), step=self._last)
        self._run.finish()


def _project() -> str:
    return os.environ.get("TRACKIO_PROJECT") or PROJECT
