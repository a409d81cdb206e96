"""What a Ray task does: a batch of jobs, one after the other, with engines in common."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from unharness.spec import RunRequest


def carry_out_batch(requests: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Carry out requests; return what a worker answers of each, with the files of its records.

    vLLM, if it is the engine, runs in a process of its own that knows nothing of Ray.
    """
    from unharness.plugins import registry
    from unharness.progress import Progress
    from unharness.running.pool import EnginePool
    from unharness.sweeping.worker import carry_out_job

    found = registry()
    answers = []
    with EnginePool(found) as engines:
        for request in requests:
            answer = carry_out_job(RunRequest(**request), found, Progress(), engines)
            answers.append(answer | {"files": record_files(RunRequest(**request))})
    return answers


def record_files(request: RunRequest) -> dict[str, bytes]:
    """Return the records of a request by path: its own under every prompt, and the target's."""
    from unharness.errors import UnharnessError
    from unharness.plugins import registry
    from unharness.records.store import EXAMPLES_FILE, RECORD_FILE, RecordStore
    from unharness.running.resolve import resolve

    try:
        plan = resolve(request, registry())
    except UnharnessError:
        return {}
    store = RecordStore(plan.spec.results)
    plans = [plan.under(prompt) for prompt in plan.prompts]
    plans += [one.vanilla(registry()) for one in plans]
    folders: list[Path] = [store.folder(one.spec) for one in plans]
    paths = [folder / name for folder in folders for name in (EXAMPLES_FILE, RECORD_FILE)]
    return {str(path): path.read_bytes() for path in paths if path.is_file()}
