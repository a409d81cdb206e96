"""The `ray` executor: jobs as tasks on a Ray cluster (`pip install unharness[ray]`)."""

from __future__ import annotations

import logging
import math
import os
import socket
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import Field

from unharness.errors import ProcessError, RecordError, UsageError
from unharness.registry import registry
from unharness.request import results_folder
from unharness.sweeps.executors.executor import Executor, Job, JobResult, SweepObserver
from unharness.sweeps.executors.ray_task import run_batch
from unharness.sweeps.executors.returned import take_records

AUTO = "auto"
CONNECT_S = 5.0
LOOK_S = 0.5
LEAVE_S = 20.0
RETRIES = 3
"""How often a job is retried elsewhere after its node, or process, was lost."""
PASSED_ON = ("UNHARNESS_", "HF_")
"""What of our environment the tasks get, by how it begins."""


class OnRay(Executor):
    """Tasks on a Ray cluster whose nodes have unharness installed.

    The results folder and the cache are best shared by all nodes; where they are not, each node
    trains its own targets, and records come back through Ray's object store (weights do not).
    """

    name = "ray"
    summary = "Tasks on a Ray cluster; a lost node's jobs go on elsewhere."

    class Options(Executor.Options):
        """Which cluster, and what a job gets of it."""

        workers: int | None = Field(
            None, ge=1, description="jobs at once; all that fit if not given"
        )
        address: str = Field(AUTO, description="auto, HOST:PORT or ray://HOST:PORT")
        cpus: int = Field(1, ge=1, description="CPU cores of a job")
        gpus: int = Field(1, ge=1, description="GPUs of a job, where jobs want one")

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self._ray: Any = None

    def run(self, jobs: Sequence[Job], observer: SweepObserver) -> list[JobResult]:
        """Run the jobs, as many at once as the cluster has room for.

        Raises:
            UsageError: Ray is not installed, or no cluster answers.
        """
        if not jobs:
            return []
        if self._ray is None:
            self._ray = connect(self.options.address)
        return _Round(self._ray, self.options, jobs, observer).run()

    def close(self) -> None:
        """Leave the cluster; it keeps running."""
        if self._ray is not None:
            self._ray.shutdown()
            self._ray = None


def connect(address: str) -> Any:
    """Return the module `ray`, connected.

    Raises:
        UsageError: it is not installed, or no cluster answers.
    """
    try:
        import ray
    except ImportError:
        raise UsageError("--executor ray needs Ray: pip install 'unharness[ray]'") from None
    fix = "start one with 'ray start --head', or give --address HOST:PORT"
    if address != AUTO:
        _probe(address, fix)
    try:
        # Ray warns of its own future otherwise.
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise UsageError(f"no Ray cluster answers at {address!r} ({reason}); {fix}") from error
    return ray


def _probe(address: str, fix: str) -> None:
    """Ask at the address before Ray does, which would wait for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise UsageError(f"--address {address}: expected auto, HOST:PORT or ray://HOST:PORT")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise UsageError(f"no Ray cluster answers at {address!r} ({error}); {fix}") from error


class _Round:
    """One call of `run`."""

    def __init__(
        self, ray: Any, options: Any, jobs: Sequence[Job], observer: SweepObserver
    ) -> None:
        self._ray, self._options, self._observer = ray, options, observer
        self._on_gpu = jobs[0].device.startswith("cuda")
        self._waiting = list(batches(jobs, self._slots()))
        self._under_way: dict[Any, tuple[str, list[Job]]] = {}
        self._results: list[JobResult] = []
        environment = {
            name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)
        }
        self._task = ray.remote(run_batch).options(
            num_cpus=options.cpus,
            num_gpus=options.gpus if self._on_gpu else 0,
            max_retries=RETRIES,
            runtime_env={"env_vars": environment},
        )

    def run(self) -> list[JobResult]:
        """Submit what there is room for, take what is finished, until nothing is left."""
        try:
            while self._waiting or self._under_way:
                admission = self._observer.admission()
                if admission == "start":
                    self._submit()
                elif admission == "end":
                    self._waiting.clear()
                if not self._under_way:  # Ray refuses to wait for nothing
                    time.sleep(LOOK_S if self._waiting else 0.0)
                    continue
                ready, _ = self._ray.wait(list(self._under_way), timeout=LOOK_S)
                for ref in ready:
                    self._take(ref)
        except BaseException:
            self._break_off()
            raise
        return self._results

    def _slots(self) -> int:
        """Return how many jobs the cluster has room for, as it is now."""
        found = self._ray.cluster_resources()
        need = {"GPU": self._options.gpus} if self._on_gpu else {"CPU": self._options.cpus}
        room = min(int(found.get(kind, 0)) // count for kind, count in need.items())
        return int(min(room, self._options.workers or room))

    def _submit(self) -> None:
        slots = self._slots()
        if not slots and not self._under_way:
            kind = "GPU" if self._on_gpu else "CPU"
            raise ProcessError(f"the Ray cluster has no {kind} for a single job")
        while len(self._under_way) < slots and (batch := self._next()):
            taken = {worker for worker, _ in self._under_way.values()}
            names = (f"ray {at}" for at in range(1, slots + 1))
            worker = next(name for name in names if name not in taken)
            requests = [
                absolute(job.request.model_dump(mode="json", exclude_unset=True)) for job in batch
            ]
            self._under_way[self._task.remote(requests)] = (worker, batch)
            for job in batch:
                self._observer.started(job, worker)

    def _next(self) -> list[Job] | None:
        """Return a batch whose target is not being trained just now."""
        building = {
            job.target
            for _, batch in self._under_way.values()
            for job in batch
            if job.target is not None and not job.target.is_dir()
        }
        for batch in self._waiting:
            if not any(job.target in building for job in batch):
                self._waiting.remove(batch)
                return batch
        return None

    def _take(self, ref: Any) -> None:
        worker, batch = self._under_way.pop(ref)
        try:
            answers = self._ray.get(ref)
        except Exception as error:  # a lost node's last retry, or a task that Ray cannot start
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:400]}"
            answers = [
                {"outcome": "failed", "seconds": 0.0, "error": reason, "files": {}} for _ in batch
            ]
        for job, answer in zip(batch, answers, strict=True):
            try:
                take_records(job, answer.pop("files"))
            except RecordError as error:
                answer |= {"outcome": "failed", "value": None, "error": str(error)}
            result = JobResult.from_answer(job.run_id, answer)
            self._results.append(result)
            self._observer.finished(job, worker, result)

    def _break_off(self) -> None:
        for ref in self._under_way:
            with suppress(Exception):
                self._ray.cancel(ref)  # Ctrl-C in the task, which leaves no unfinished record
        with suppress(Exception):
            self._ray.wait(list(self._under_way), num_returns=len(self._under_way), timeout=LEAVE_S)
            time.sleep(LOOK_S)


def batches(jobs: Sequence[Job], slots: int) -> Iterator[list[Job]]:
    """Yield what goes to a task: one job, or several that share an engine that is slow to start.

    Jobs of such an engine are split over the slots and no further, so that each slot starts it
    once.
    """
    groups: dict[tuple[str, Path | None], list[Job]] = defaultdict(list)
    for job in jobs:
        groups[job.engine, job.target].append(job)
    for group in groups.values():
        size = math.ceil(len(group) / max(1, slots)) if group[0].slow_engine else 1
        for start in range(0, len(group), size):
            yield group[start : start + size]


WORDS = ("auto", "hub", "standin", "bundled")
"""What stands for data without being a path."""


def absolute(request: dict[str, Any]) -> dict[str, Any]:
    """Return a request whose paths mean the same in any folder."""
    names = {*WORDS, *registry().names("models")}

    def path(value: Any) -> Any:
        if not isinstance(value, str) or value in names or not Path(value).expanduser().exists():
            return value
        return str(Path(value).expanduser().resolve())

    found = dict(request)
    for name in ("model", "target", "data", "retain", "general", "include_path", "suite_data"):
        if name in found:
            found[name] = path(found[name])
    if "prompt" in found:
        found["prompt"] = [path(name) for name in found["prompt"]]
    results = results_folder(found.get("results"))
    return found | {"results": str(Path(results).expanduser().resolve())}
