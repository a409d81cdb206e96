"""Logs as TensorBoard's event files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unharness.loggers.logger import Ending, LoggedRun, Logger
from unharness.records.store import path_name, task_folder

FOLDER_VARIABLE = "TENSORBOARD_LOGGING_DIR"
"""The one that transformers' own integration reads."""


class TensorBoard(Logger):
    """Event files, a folder a run; the final metrics also stand under HParams."""

    name = "tensorboard"
    summary = "Event files for TensorBoard, a folder a run; TENSORBOARD_LOGGING_DIR or local."
    library = "tensorboard"
    install = "unharness[tensorboard]"

    @classmethod
    def place(cls, folder: Path) -> str:
        """Return the command that shows them."""
        return f"--log tensorboard: tensorboard --logdir {_root(folder)}"

    def start(self, run: LoggedRun) -> None:
        """Open the event file."""
        from torch.utils.tensorboard import SummaryWriter

        spec = run.spec
        parts = (task_folder(spec.task), path_name(spec.model), path_name(run.title))
        self._settings = dict(run.settings)
        self._last = 0
        self._writer: Any = SummaryWriter(str(_root(self.folder).joinpath(*parts)))

    def step(self, step: int, values: Mapping[str, float]) -> None:
        """Log a step."""
        self._last = step
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def finish(self, metrics: Mapping[str, float], ending: Ending) -> None:
        """Write the metrics, as scalars at the last step, beside the hyperparameters."""
        if metrics:
            self._writer.add_hparams(
                self._settings, dict(metrics), run_name=".", global_step=self._last
            )
        self._writer.close()


def _root(folder: Path) -> Path:
    return Path(os.environ.get(FOLDER_VARIABLE) or folder)
