"""A process that answers requests, seen from the process that started it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from unharness.errors import ProcessError
from unharness.processes.channel import Channel

GRACE_S = 15.0
"""What a child is given to leave by itself; then it is terminated, and last killed."""
GONE_S = 5.0
"""How long is waited for what was killed to be gone, and its memory with it."""
LAST_LINES, LAST_CHARACTERS = 3, 600

OnProgress = Callable[..., None]
"""Takes what the child says in between, its parts as arguments."""


class Child:
    """A process that answers requests, and whatever it starts: all in one process group.

    It leads a session of its own, so that Ctrl-C reaches this process alone, which then ends it.
    If this process dies, the child sees its pipe end and kills its group.
    """

    def __init__(
        self,
        name: str,
        program: Sequence[str],
        log: Path,
        environment: Mapping[str, str],
        arguments: Sequence[str] = (),
    ) -> None:
        """Start it.

        Args:
            name: what errors call it.
            program: what Python is to run: it takes the numbers of the pipes that it reads from
                and writes to, and that of this process, then `arguments`.
            log: takes what it prints; removed if it leaves without complaint.
            environment: added to ours.
            arguments: of the program.
        """
        self.name, self.log = name, log
        log.parent.mkdir(parents=True, exist_ok=True)
        its_read, our_write = os.pipe()
        our_read, its_write = os.pipe()
        command = [sys.executable, *program, str(its_read), str(its_write), str(os.getpid())]
        try:
            with log.open("wb") as output:
                self._process = subprocess.Popen(  # noqa: S603
                    [*command, *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    pass_fds=(its_read, its_write),
                    start_new_session=True,
                    env={**os.environ, **environment},
                )
        except BaseException:
            os.close(our_write)
            os.close(our_read)
            raise
        finally:
            os.close(its_read)
            os.close(its_write)
        self._channel = Channel(our_read, our_write)
        # Runs when this object is forgotten, too, and when the interpreter ends.
        self._end = weakref.finalize(
            self, _end, self._process, self._channel, log, {"grace": GRACE_S, "owner": os.getpid()}
        )

    @property
    def pid(self) -> int:
        """The number of the process, and of its group."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._end.alive and not _exited(self._process)

    def ask(
        self,
        op: str,
        *,
        on_progress: OnProgress | None = None,
        timeout: float | None = None,
        **values: Any,
    ) -> Any:
        """Return the answer to a request. Whatever goes wrong ends the process.

        After an error or an interruption requests are left unfinished in the child, and their
        answers would be taken for those of the next.

        Raises:
            ProcessError: it says that it cannot, it died, or it takes too long.
        """
        if not self._end.alive:
            raise ProcessError(f"{self.name} was ended before; its log: {self.log}")
        try:
            return self._answer({"op": op, **values}, on_progress, timeout)
        except (EOFError, BrokenPipeError):
            self._kill()
            reason = _manner(self._process.returncode)
            raise ProcessError(
                f"{self.name} died ({reason}) at: {op}. {self._last_words()}"
            ) from None
        except TimeoutError:
            self._kill()
            raise ProcessError(
                f"{self.name} did not {op} within {timeout:g} s. {self._last_words()}"
            ) from None
        except BaseException:
            self._kill()
            raise

    def _answer(
        self, request: Mapping[str, Any], on_progress: OnProgress | None, timeout: float | None
    ) -> Any:
        end = None if timeout is None else time.monotonic() + timeout
        self._channel.send(request)
        while True:
            left = None if end is None else max(0.0, end - time.monotonic())
            message = self._channel.receive(left)
            if "progress" in message:
                if on_progress:
                    on_progress(*message["progress"])
            elif "error" in message:
                text = (
                    f"{self.name} cannot {request['op']}: {message['error']}. Its log: {self.log}"
                )
                raise ProcessError(text)
            else:
                return message["result"]

    def interrupt(self) -> None:
        """Ask it to break off and leave, as Ctrl-C would; who waits for an answer sees it die."""
        with suppress(ProcessLookupError):
            if self.alive:
                os.kill(self.pid, signal.SIGTERM)

    def close(self) -> None:
        """End it, gently first, and forget its log; nothing it started is left."""
        self._end()

    def _kill(self) -> None:
        """End it at once; its log is kept."""
        if self._end.detach():
            _finish(self._process, self._channel, 0.0)

    def _last_words(self) -> str:
        text = self.log.read_text(errors="replace") if self.log.is_file() else ""
        lines = [
            " ".join(line.split()) for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()
        ]
        last = " | ".join([line for line in lines if line][-LAST_LINES:])
        quoted = f"Last lines: {last[-LAST_CHARACTERS:]} – " if last else ""
        return f"{quoted}log: {self.log}"


def _end(
    process: subprocess.Popen[bytes], channel: Channel, log: Path, settings: Mapping[str, Any]
) -> None:
    if os.getpid() != settings["owner"]:  # a fork of the owner must not end what it does not own
        return
    if _finish(process, channel, settings["grace"]):
        log.unlink(missing_ok=True)


def _finish(process: subprocess.Popen[bytes], channel: Channel, grace: float) -> bool:
    """End the process and its group; return whether it left by itself and without complaint."""
    if grace:
        with suppress(OSError):  # it is gone already
            channel.send({"op": "close"})
    channel.close()
    in_peace = _wait(process, grace)
    if not in_peace and grace:
        _signal_group(process, signal.SIGTERM)
        _wait(process, grace)
    # Not reaped yet, so the number of the group cannot have gone to somebody else.
    _signal_group(process, signal.SIGKILL)
    process.wait()
    end = time.monotonic() + GONE_S
    while _group_runs(process.pid) and time.monotonic() < end:
        time.sleep(0.01)
    return in_peace and process.returncode == 0


def _exited(process: subprocess.Popen[bytes]) -> bool:
    """Whether the process has ended, without reaping it."""
    if process.returncode is not None:
        return True
    options = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, process.pid, options) is not None


def _wait(process: subprocess.Popen[bytes], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not _exited(process):
        if time.monotonic() >= end:
            return False
        time.sleep(0.01)
    return True


def _signal_group(process: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _group_runs(group: int) -> bool:
    """Whether a process of the group runs; one that ended but was not reaped does not.

    By group, not by `psutil`'s tree of children: a process whose parent died leaves the tree.
    """
    ended = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if os.getpgid(process.pid) == group and process.status() not in ended:
                return True
    return False


def _manner(returncode: int) -> str:
    if returncode >= 0:
        return f"exit code {returncode}"
    name = signal.Signals(-returncode).name
    return f"{name}, out of memory perhaps" if name == "SIGKILL" else name
