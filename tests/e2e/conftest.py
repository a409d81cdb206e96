"""Running the command line as a user does."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parent))
import forked_cli

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def cli(environment: Path) -> Cli:
    """cli("run", "--method", …) -> the finished process, its text captured.

    Each call is a separate process, forked from one that has torch imported already.
    """
    forked_cli.start()

    def call(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "COLUMNS": "120", **variables}
        return forked_cli.call([str(word) for word in words], environment, timeout=1800)

    return call


@pytest.fixture(scope="session")
def begin(environment: Path) -> Callable[..., forked_cli.Running]:
    """begin("run", …) -> the same while it is under way; `most_bytes=` limits its files."""
    forked_cli.start()

    def call(*words: str, most_bytes: int | None = None, **variables: str) -> forked_cli.Running:
        environment = {**os.environ, "COLUMNS": "120", **variables}
        return forked_cli.Running(list(map(str, words)), environment, most_bytes=most_bytes)

    return call


EXECUTOR = """
from contextlib import closing

from unharness import Executor, JobResult, hookimpl
from unharness.pipeline.engine_pool import EnginePool
from unharness.progress import Progress
from unharness.registry import registry
from unharness.sweeps.executors.worker import run_job


class Here(Executor):
    name = "here"
    summary = "One job after the other, in this process."

    def run(self, jobs, observer):
        results = []
        with closing(EnginePool(registry())) as engines:
            for job in jobs:
                observer.started(job, self.name)
                answer = run_job(job.request, registry(), Progress(), engines)
                results.append(JobResult.from_answer(job.run_id, answer))
                observer.finished(job, self.name, results[-1])
        return results


@hookimpl
def unharness_executors():
    return [Here]
"""


@pytest.fixture(scope="session")
def here(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the environment needs for `--executor here`: for sweeps whose workers are not the point.

    A worker of the executor `local` imports torch anew, which takes longer than its runs.
    """
    folder = tmp_path_factory.mktemp("executor")
    (folder / "executor_here.py").write_text(EXECUTOR)
    about = folder / "executor_here-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: executor_here\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[unharness]\nexecutor_here = executor_here\n")
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(paths)}


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One results folder for all tests that run tiny on the real data."""
    return tmp_path_factory.mktemp("results")


@pytest.fixture(scope="session")
def run_real(cli: Cli, results: Path, real_data: Path) -> Callable[..., dict[str, Any]]:
    """run_real("memflex", …) -> the record of a run with default settings on the real data."""

    def call(method: str, *words: str) -> dict[str, Any]:
        command = ["run", "--method", method, "--data", str(real_data)]
        done = cli(*command, "--results", str(results), "--format", "json", *words)
        assert done.returncode == 0, done.stderr
        record: dict[str, Any] = json.loads(done.stdout)
        return record

    return call
