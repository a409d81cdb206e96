"""Logs to Weights & Biases."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unharness.loggers.logger import Ending, LoggedRun, Logger

PROJECT = "unharness"


class WandB(Logger):
    """A run of Weights & Biases; its own variables say where: WANDB_PROJECT, WANDB_MODE, …."""

    name = "wandb"
    summary = "Weights & Biases; WANDB_MODE=offline keeps it on this machine."
    library = "wandb"
    install = "unharness[wandb]"

    @classmethod
    def place(cls, folder: Path) -> str:
        """Return the project; offline the command that uploads the runs later."""
        project = os.environ.get("WANDB_PROJECT") or PROJECT
        if os.environ.get("WANDB_MODE") == "offline":
            return f"--log wandb: offline; wandb sync {_root(folder)}/wandb/offline-run-*"
        return f"--log wandb: project {project}"

    def start(self, run: LoggedRun) -> None:
        """Open a run of its own beside those that may be open."""
        import wandb

        root = _root(self.folder)
        root.mkdir(parents=True, exist_ok=True)
        self._run: Any = wandb.init(
            project=os.environ.get("WANDB_PROJECT") or PROJECT,
            dir=str(root),
            name=run.title,
            group=run.group,
            config=dict(run.settings),
            reinit="create_new",
            settings=wandb.Settings(console="off", silent=True),
        )

    def step(self, step: int, values: Mapping[str, float]) -> None:
        """Log a step."""
        self._run.log(dict(values), step=step)

    def finish(self, metrics: Mapping[str, float], ending: Ending) -> None:
        """Put the metrics into the summary."""
        self._run.summary.update(dict(metrics))
        self._run.finish(exit_code=0 if ending == "done" else 1)


def _root(folder: Path) -> Path:
    return Path(os.environ.get("WANDB_DIR") or folder)
