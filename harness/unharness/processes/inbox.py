"""What a child process receives: requests, and the end of its parent."""

from __future__ import annotations

import os
import queue
import shutil
import signal
import threading
from typing import NoReturn

from unharness.processes.channel import Channel, Message

LOOK_S = 1.0


class Inbox:
    """Reads requests in a thread of its own, so that the parent's end is seen during work, too.

    The end of the pipe tells it at once, unless a fork of the parent holds the pipe open; the
    parent's number tells it within a second. (PR_SET_PDEATHSIG would not do: it speaks of the
    thread that started the process, which may end long before its process.)
    """

    def __init__(self, channel: Channel, parent: int, scratch: str | None = None) -> None:
        self._channel, self._parent, self._scratch = channel, parent, scratch
        self._requests: queue.SimpleQueue[Message] = queue.SimpleQueue()
        threading.Thread(target=self._listen, name="inbox", daemon=True).start()

    def next(self) -> Message:
        """Return the next request."""
        return self._requests.get()

    def _listen(self) -> None:
        while True:
            try:
                request = self._channel.receive(LOOK_S)
            except TimeoutError:
                if os.getppid() != self._parent:
                    self._orphaned()
                continue
            except (EOFError, OSError):
                self._orphaned()
            self._requests.put(request)
            if request["op"] == "close":  # an end of file that follows is no surprise
                return

    def _orphaned(self) -> NoReturn:
        """Leave nothing behind: no file in memory, no process."""
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)
        if os.getpgrp() == os.getpid():  # never the group of somebody else
            os.killpg(0, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("killed")
