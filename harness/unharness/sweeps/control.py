"""A running sweep as other processes see and steer it: two small files beside its records.

`<results>/.sweeps/ID.state.json` says how far the sweep is, and whose process it is; that process
alone writes it. `ID.wanted.json` says what is wanted of it; others write it. Both are replaced
whole. Whoever shares the results folder, on this machine or another, may read and steer.
"""

from __future__ import annotations

import os
import re
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Literal

import psutil
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from unharness.errors import RecordError, UnharnessError
from unharness.records.files import write_json

FOLDER = ".sweeps"
STATE, WANTED = ".state.json", ".wanted.json"
Wanted = Literal["run", "pause", "drain"]
Condition = Literal["running", "pausing", "paused", "draining", "silent", "dead", "ended"]
"""`silent`: on another machine, and nothing was heard of it for a while; `dead`: its process is
gone."""
OVER: frozenset[Condition] = frozenset({"dead", "ended"})
HEARTBEAT_S = 10.0
"""How often a sweep writes its state when nothing happens."""
SILENT_S = 6 * HEARTBEAT_S
CLOCK_S = 2.0
"""Two readings of a process's start may differ by so much."""
_ID = re.compile(r"[0-9a-f]{8}")


class Owner(BaseModel):
    """The process of a sweep. Numbers of processes are given anew, so its start belongs to it."""

    host: str
    pid: int
    started: float
    """In seconds since 1970."""

    @classmethod
    def this_process(cls) -> Owner:
        """Return this process."""
        return cls(host=host_name(), pid=os.getpid(), started=psutil.Process().create_time())

    def alive(self) -> bool | None:
        """Return whether the process runs; None where it is on another machine."""
        if self.host != host_name():
            return None
        try:
            started: float = psutil.Process(self.pid).create_time()
        except (psutil.Error, ValueError, OverflowError):
            return False
        return abs(started - self.started) <= CLOCK_S


class RunningCell(BaseModel):
    """A run that is under way."""

    run_id: str
    label: str
    worker: str
    since: float
    """In seconds since 1970."""
    stage: str = ""
    done: int = 0
    total: int = 0
    """Steps of the stage; 0: unknown."""


class FailedCell(BaseModel):
    """A run that failed, and why."""

    run_id: str
    label: str
    error: str


class SweepState(BaseModel):
    """How far a sweep is."""

    model_config = ConfigDict(extra="ignore", validate_assignment=True)

    sweep: str = Field(pattern=_ID.pattern)
    owner: Owner
    command: str = ""
    began: float
    updated: float = 0.0
    ended: float | None = None
    cells: int = Field(ge=0)
    """All runs of the grid."""
    done_before: int = Field(ge=0)
    done: int = 0
    """In this sweep, those that were found done included."""
    failed: list[FailedCell] = Field(default_factory=list)
    running: list[RunningCell] = Field(default_factory=list)
    waiting: int = Field(ge=0)
    paused_s: float = 0.0
    estimated_s: float | None = None
    """Of the whole, for one worker, by past records; None where there are none."""

    def rest_s(self) -> tuple[float | None, str]:
        """Return the seconds that are left, and how they are estimated; None: no way to say."""
        over, left = self.done + len(self.failed), self.waiting + len(self.running)
        if not left:
            return 0.0, ""
        if over:
            spent = max(0.0, self.updated - self.began - self.paused_s)
            return left * spent / over, "by the runs of this sweep"
        return self.estimated_s, "for one worker, by past records"


class SeenSweep(BaseModel):
    """A sweep that a results folder tells of."""

    state: SweepState
    wanted: Wanted
    condition: Condition


def host_name() -> str:
    """Return what this machine is called."""
    return socket.gethostname()


def write_state(results: Path, state: SweepState) -> None:
    """Write how far a sweep is.

    Raises:
        OSError: it cannot be written.
    """
    state.updated = time.time()
    write_json(results / FOLDER / f"{state.sweep}{STATE}", state.model_dump(mode="json"))


def read_wanted(results: Path, sweep: str) -> Wanted:
    """Return what is wanted of a sweep; that it runs, where nothing readable says otherwise."""
    try:
        text = (results / FOLDER / f"{sweep}{WANTED}").read_text(encoding="utf-8")
        return _WantedFile.model_validate_json(text).wanted
    except (OSError, ValueError):
        return "run"


def sweeps_in(results: Path) -> list[SeenSweep]:
    """Return the sweeps that a results folder tells of, in the order in which they began.

    What cannot be read is left out.
    """
    found = []
    for path in (results / FOLDER).glob(f"*{STATE}"):
        with suppress(OSError, ValidationError, ValueError):
            state = SweepState.model_validate_json(path.read_text(encoding="utf-8"))
            if path.name == f"{state.sweep}{STATE}":
                wanted = read_wanted(results, state.sweep)
                found.append(
                    SeenSweep(state=state, wanted=wanted, condition=_condition(state, wanted))
                )
    return sorted(found, key=lambda one: one.state.began)


def ask(results: Path, wanted: Wanted, sweep: str | None = None) -> list[SeenSweep]:
    """Say what is wanted of the sweeps that run; return them.

    Args:
        results: the folder of records.
        wanted: `run`, `pause` or `drain`.
        sweep: the beginning of a sweep's id; None: all that run.

    Raises:
        RecordError: none runs, or none of that id; one that drains cannot be paused or resumed.
    """
    running = [one for one in sweeps_in(results) if one.condition not in OVER]
    if sweep is not None:
        running = [one for one in running if one.state.sweep.startswith(sweep)]
    if wanted != "drain" and running and all(one.wanted == "drain" for one in running):
        raise RecordError(f"{results}: the sweep is draining already; start it again once it ended")
    running = [one for one in running if wanted == "drain" or one.wanted != "drain"]
    if not running:
        which = f"no sweep {sweep}" if sweep is not None else "no sweep"
        raise RecordError(
            f"{results}: {which} is running there; 'unharness sweep status' shows what is known"
        )
    for one in running:
        path = results / FOLDER / f"{one.state.sweep}{WANTED}"
        try:
            write_json(path, {"wanted": wanted})
        except OSError as error:
            raise UnharnessError(f"{path}: cannot be written ({error.strerror})") from error
    return running


def forget_sweeps(results: Path, conditions: frozenset[Condition] = OVER) -> None:
    """Remove the files of sweeps that are over; what cannot be removed stays."""
    for one in sweeps_in(results):
        if one.condition in conditions:
            _forget(results, one.state.sweep)
    for path in (results / FOLDER).glob(".*"):  # of a process that was killed while it wrote
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > SILENT_S:
                path.unlink()


def _forget(results: Path, sweep: str) -> None:
    folder = results / FOLDER
    for path in (
        folder / f"{sweep}{STATE}",
        folder / f"{sweep}{WANTED}",
        *folder.glob(f".{sweep}.*"),
    ):
        with suppress(OSError):
            path.unlink(missing_ok=True)


class _WantedFile(BaseModel):
    wanted: Wanted


def _condition(state: SweepState, wanted: Wanted) -> Condition:
    if state.ended is not None:
        return "ended"
    alive = state.owner.alive()
    if alive is False:
        return "dead"
    if alive is None and time.time() - state.updated > SILENT_S:
        return "silent"
    if wanted == "pause":
        return "pausing" if state.running else "paused"
    return "draining" if wanted == "drain" else "running"
