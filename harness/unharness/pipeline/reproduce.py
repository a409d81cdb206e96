"""A record made again from what its user asked for, apart from all that was made before."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from unharness.cache import CACHE_VARIABLE, cache_dir
from unharness.errors import PluginError, RecordError
from unharness.evaluation.columns import reference_columns
from unharness.models.trained import KIND as TRAINED
from unharness.pipeline.reproduction import Difference, Reproduction, compared, differences
from unharness.pipeline.resolve import resolve
from unharness.pipeline.run import execute
from unharness.pipeline.run_plan import EXTERNAL, RunPlan
from unharness.pipeline.stages.target import target_folder
from unharness.progress import Progress
from unharness.records.record import RunRecord
from unharness.records.stage_specs import IDENTITY_VERSION
from unharness.records.store import RecordStore, StoredRecord
from unharness.reference_rows import method_of
from unharness.registry import Registry
from unharness.request import make_request

KEPT_KINDS = ("pretrained", "data")
"""What of the user's cache is used: downloads, which are checked by their digests."""


def reproduce(
    found: StoredRecord,
    changes: Mapping[str, Any],
    scratch: Path,
    registry: Registry,
    progress: Progress,
    *,
    cached_target: bool = False,
) -> Reproduction:
    """Run a record again, and compare.

    Nothing that was trained before is used: cache and results are folders of their own in
    `scratch`. Where what the record asks for is no longer the same run (another version of the
    method, other data), nothing is run, and the differences are said.

    Args:
        found: the record, and where it lies.
        changes: options of a run that say where things are: `data`, `device`.
        scratch: an empty folder.
        registry: knows the plugins.
        progress: told how far it is.
        cached_target: whether the target may come from the user's cache.

    Raises:
        RecordError: the record is of no finished run that can be made again.
        UsageError, DataError, ModelError: what it was made from is not there.
        UnharnessError: the run failed.
    """
    record, folder = found
    _refuse(record)
    results = scratch / "results"
    own = {"results": str(results), "force": False, "save_weights": False}
    request = make_request({**record.passed, **changes, **own})
    targets = cache_dir() / TRAINED
    with _own_cache(scratch / "cache"), _same_threads(record):
        plan = resolve(request, registry)
        row = next((one for one in plan.rows if _is_same(one, record)), None)
        if row is None:
            return Reproduction(record, None, spec=tuple(_spec_differences(record, plan)))
        if cached_target:
            _link(targets / target_folder(plan).name, target_folder(plan))
        _copy_references(row, folder, results, registry)
        outcome = execute(plan, registry, progress)
    for one in (outcome, *outcome.also):
        if _ids(one.record) == _ids(record):
            return compared(record, one.record)
    raise RecordError(f"{record.run_id}: the run left another record than was asked for")


def _refuse(record: RunRecord) -> None:
    if record.status != "done":
        raise RecordError(f"{record.run_id}: the run is {record.status}; nothing can be compared")
    if record.spec.method == EXTERNAL:
        raise RecordError(
            f"{record.run_id}: its weights are from outside and cannot be made again; evaluate "
            "them: unharness evaluate --weights PATH_OR_ID"
        )
    if record.identity_version != IDENTITY_VERSION or not record.passed:
        raise RecordError(
            f"{record.run_id}: written by an older version, which did not say how to run it again"
        )


def _ids(record: RunRecord) -> tuple[str, str]:
    return record.run_id, record.spec.evaluation_id()


def _is_same(plan: RunPlan, record: RunRecord) -> bool:
    return (plan.spec.run_id(), plan.spec.evaluation_id()) == _ids(record)


def _spec_differences(record: RunRecord, plan: RunPlan) -> list[Difference]:
    """Return what of the spec is no longer the same; runtime facts decide nothing."""
    before = {**record.spec.attacked.model_dump(mode="json"), **_observe(record.spec)}
    after = {**plan.rows[0].spec.attacked.model_dump(mode="json"), **_observe(plan.rows[0].spec)}
    return differences(before, after)


def _observe(spec: Any) -> dict[str, Any]:
    found: dict[str, Any] = spec.observe.model_dump(mode="json", exclude={"attacked"})
    return found


@contextmanager
def _own_cache(folder: Path) -> Iterator[None]:
    """Let all that is made lie in a cache of its own, beside the downloads of the user's."""
    own = cache_dir()
    folder.mkdir(parents=True)
    for kind in KEPT_KINDS:
        (own / kind).mkdir(parents=True, exist_ok=True)
        (folder / kind).symlink_to((own / kind).resolve())
    before = os.environ.get(CACHE_VARIABLE)
    os.environ[CACHE_VARIABLE] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ[CACHE_VARIABLE]
        else:
            os.environ[CACHE_VARIABLE] = before


@contextmanager
def _same_threads(record: RunRecord) -> Iterator[None]:
    """Compute with as many threads as the record was: sums depend on how they are split."""
    import torch

    before = torch.get_num_threads()
    wanted = record.provenance.get("hardware", {}).get("threads")
    if isinstance(wanted, int) and wanted > 0:
        torch.set_num_threads(min(wanted, os.cpu_count() or wanted))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _link(there: Path, here: Path) -> None:
    if there.is_dir():
        here.parent.mkdir(parents=True, exist_ok=True)
        here.symlink_to(there.resolve())


def _copy_references(plan: RunPlan, folder: Path, results: Path, registry: Registry) -> None:
    """Copy the reference rows that columns compare with, but for those that the run leaves."""
    kept = plan.target_row.spec.method if plan.target_row else None
    for name in reference_columns(plan.columns):
        try:
            method = method_of(name, registry)
        except PluginError:  # its columns had no value before
            continue
        rows = folder.parents[1] / method
        if method in (kept, plan.spec.method) or not rows.is_dir():
            continue
        model = RecordStore(results).folder(plan.spec).parents[1]
        shutil.copytree(rows, model / method, dirs_exist_ok=True)
