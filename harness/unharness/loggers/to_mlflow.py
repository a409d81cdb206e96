"""Logs to an MLflow tracking server, or to its database in a local file."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from unharness.loggers.logger import Ending, LoggedRun, Logger

EXPERIMENT = "unharness"
STATES: Mapping[Ending, str] = {"done": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}
MOST_METRICS = 1000
"""In one request."""
_NOT_IN_A_NAME = re.compile(r"[^\w. /:-]", re.ASCII)


class MLflow(Logger):
    """A run of MLflow; its own variables say where: MLFLOW_TRACKING_URI, MLFLOW_EXPERIMENT_NAME."""

    name = "mlflow"
    summary = "MLflow; MLFLOW_TRACKING_URI, or a SQLite file in the results folder."
    library = "mlflow"
    install = "unharness[mlflow]"

    @classmethod
    def place(cls, folder: Path) -> str:
        """Return the command that shows a local database, or the server."""
        server = os.environ.get("MLFLOW_TRACKING_URI")
        if server:
            return f"--log mlflow: {server}"
        return f"--log mlflow: mlflow ui --backend-store-uri {_database(folder)}"

    def start(self, run: LoggedRun) -> None:
        """Make the run, and its experiment if it is the first one there."""
        from mlflow import MlflowClient
        from mlflow.entities import Param

        server = os.environ.get("MLFLOW_TRACKING_URI")
        if not server:
            self.folder.mkdir(parents=True, exist_ok=True)
        self._client: Any = MlflowClient(tracking_uri=server or _database(self.folder))
        experiment = os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
        made = self._client.create_run(
            self._experiment(experiment), run_name=run.title, tags={"group": run.group}
        )
        self._id: str = made.info.run_id
        params = [Param(_name(key), str(value)) for key, value in run.settings.items()]
        self._client.log_batch(self._id, params=params)
        self._last = 0

    def _experiment(self, name: str) -> str:
        """Return the id of an experiment; another process may make it at the same moment."""
        from mlflow.exceptions import MlflowException

        found = self._client.get_experiment_by_name(name)
        if found is None:
            try:
                return str(self._client.create_experiment(name, **self._artifacts()))
            except MlflowException:
                found = self._client.get_experiment_by_name(name)
                if found is None:
                    raise
        return str(found.experiment_id)

    def _artifacts(self) -> dict[str, str]:
        """Keep artifacts beside a local database: MLflow would put them where one stands."""
        if os.environ.get("MLFLOW_TRACKING_URI"):
            return {}
        return {"artifact_location": (self.folder / "artifacts").resolve().as_uri()}

    def step(self, step: int, values: Mapping[str, float]) -> None:
        """Log a step."""
        self._last = step
        self._log(values)

    def finish(self, metrics: Mapping[str, float], ending: Ending) -> None:
        """Log the metrics at the last step, and end the run."""
        self._log(metrics)
        self._client.set_terminated(self._id, STATES[ending])

    def _log(self, values: Mapping[str, float]) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        found = [Metric(_name(key), value, now, self._last) for key, value in values.items()]
        for first in range(0, len(found), MOST_METRICS):
            self._client.log_batch(self._id, metrics=found[first : first + MOST_METRICS])


def _database(folder: Path) -> str:
    return f"sqlite:///{(folder / 'mlflow.db').resolve()}"


def _name(text: str) -> str:
    """Return a name that MLflow takes."""
    return _NOT_IN_A_NAME.sub("_", text)
