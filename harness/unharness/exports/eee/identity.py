"""What an exported record is called: ids that are the same at every export."""

from __future__ import annotations

import hashlib
import re
import uuid
from dataclasses import dataclass
from datetime import datetime

from unharness.evaluation.columns import is_general
from unharness.pipeline.run_plan import EXTERNAL
from unharness.records.record import RunRecord
from unharness.records.store import path_name, task_folder

SCHEMA = "0.3.0"
OURS, GENERAL = "unharness", "lm_eval"
"""The two libraries whose results a record holds."""
_NOT_PLAIN = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Identity:
    """Ids of one aggregate, and where it lies."""

    record: RunRecord
    library: str
    organization: str
    """The developer's part of ids: plain letters, digits and hyphens."""
    hub_id: str | None = None
    """Where the weights are published, as `owner/name`; None: nowhere."""

    @property
    def finished(self) -> str:
        """Unix seconds, as text; a second export is the same record."""
        return str(epoch(self.record.finished or self.record.started))

    @property
    def model_name(self) -> str:
        """Base, task and method, with the beginning of the run id."""
        if self.hub_id:
            return self.hub_id.partition("/")[2]
        spec = self.record.spec
        method = spec.method
        if method == EXTERNAL:
            method = path_name(str(spec.config.get("name", EXTERNAL)))
        parts = (path_name(spec.model), task_folder(spec.task), method, self.record.run_id[:8])
        return ".".join(parts)

    @property
    def model_id(self) -> str:
        """As the hub writes it: developer and name."""
        return self.hub_id or f"{self.organization}/{self.model_name}"

    @property
    def collection(self) -> str:
        """What the results belong to: the task, or the suite of general knowledge."""
        if self.library == OURS:
            return f"unharness-{task_folder(self.record.spec.task)}"
        suite = self.record.spec.evaluation.suite or {}
        return f"{self.library}-{path_name(str(suite.get('name', 'general')))}"

    @property
    def evaluation_id(self) -> str:
        """Of this aggregate."""
        return f"{self.collection}/{self.model_id}/{self.finished}"

    @property
    def folder(self) -> str:
        """Relative to the export: `data/<collection>/<developer>/<model>`."""
        developer, _, name = self.model_id.partition("/")
        return f"data/{self.collection}/{developer}/{name}"

    @property
    def file_id(self) -> str:
        """A UUID of version 4, made of the run's and the evaluation's ids."""
        text = f"{self.record.run_id}/{self.record.spec.evaluation_id()}/{self.library}"
        return str(uuid.UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=4))

    @property
    def labels(self) -> list[str]:
        """The columns with a value that this aggregate holds."""
        return [
            label
            for label, metric in self.record.metrics.items()
            if metric.value is not None and is_general(label) == (self.library == GENERAL)
        ]

    def evaluation_name(self, label: str) -> str:
        """Return the name of one result."""
        metric = self.record.metrics[label]
        if self.library == GENERAL:
            return label.rpartition("/")[2]
        return ".".join(filter(None, (self.collection, metric.split, label)))


def epoch(text: str) -> int:
    """Return an ISO 8601 time in seconds since 1970."""
    return int(datetime.fromisoformat(text).timestamp())


def slug(text: str) -> str:
    """Return a name as an id: plain letters, digits and hyphens."""
    return _NOT_PLAIN.sub("-", text.lower()).strip("-")
