"""What a Ray task does: a batch of jobs, one after the other, with engines in common."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Any

from unharness.request import RunRequest


def run_batch(requests: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Run requests; return what a worker answers of each, with the files of its records.

    vLLM, if it is the engine, runs in a process of its own that knows nothing of Ray.
    """
    from unharness.pipeline.engine_pool import EnginePool
    from unharness.progress import Progress
    from unharness.registry import registry
    from unharness.sweeps.executors.worker import run_job
    from unharness.training.libraries import freeze_libraries

    freeze_libraries(adapters=False)
    found = registry()
    answers = []
    with closing(EnginePool(found)) as engines:
        for request in requests:
            answer = run_job(RunRequest(**request), found, Progress(), engines)
            answers.append(answer | {"files": record_files(RunRequest(**request))})
    return answers


def record_files(request: RunRequest) -> dict[str, bytes]:
    """Return the records of a request: its own under every prompt, and the target's.

    Paths are relative to the results folder, which may be another one where they are written.
    """
    from unharness.errors import UnharnessError
    from unharness.pipeline.resolve import resolve
    from unharness.records.artifacts import examples_path, observations_path
    from unharness.records.store import RECORD_FILE, RecordStore
    from unharness.registry import registry

    found: dict[str, bytes] = {}
    try:
        plan = resolve(request, registry())
        store = RecordStore(plan.spec.results)
        for one in plan.rows_with_target:
            record, folder = store.find(one.spec), store.folder(one.spec)
            if record is None:
                continue
            observations = observations_path(record, folder)
            for path in (examples_path(record, folder), observations, folder / RECORD_FILE):
                if path is not None and path.is_file():
                    found[path.relative_to(store.root).as_posix()] = path.read_bytes()
    except UnharnessError:
        return found
    return found
