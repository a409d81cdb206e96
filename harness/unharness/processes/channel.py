"""How a process and its child talk: a JSON object a line, over a pipe each way.

The pipes carry nothing else: what the child prints goes to a log. Nothing is pickled.
"""

from __future__ import annotations

import json
import os
import select
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

Message = dict[str, Any]
CHUNK = 1 << 16


def encode(message: Mapping[str, Any]) -> bytes:
    """Return the line of a message."""
    return json.dumps(message, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


class Decoder:
    """Takes bytes as they come, gives the messages that are whole."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def feed(self, data: bytes) -> list[Message]:
        """Return the messages that these bytes complete."""
        *whole, rest = data.split(b"\n")
        messages = []
        for line in whole:
            messages.append(json.loads(b"".join([*self._parts, line])))
            self._parts = []
        if rest:
            self._parts.append(rest)
        return messages


class Channel:
    """One end: reads from a pipe, writes to another."""

    def __init__(self, read: int, write: int) -> None:
        self._read, self._write = read, write
        self._decoder = Decoder()
        self._messages: deque[Message] = deque()
        self._poll = select.poll()
        self._poll.register(read, select.POLLIN)

    def send(self, message: Mapping[str, Any]) -> None:
        """Write a message.

        Raises:
            OSError: the other end is closed.
        """
        data = memoryview(encode(message))
        while data:
            data = data[os.write(self._write, data) :]

    def receive(self, timeout: float | None = None) -> Message:
        """Return the next message.

        Raises:
            EOFError: the other end is closed.
            TimeoutError: none came within that many seconds.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while not self._messages:
            left = None if end is None else max(0.0, end - time.monotonic())
            if not self._poll.poll(None if left is None else left * 1000):
                raise TimeoutError
            data = os.read(self._read, CHUNK)
            if not data:
                raise EOFError
            self._messages.extend(self._decoder.feed(data))
        return self._messages.popleft()

    def close(self) -> None:
        """Close both pipes, which the other end sees as an end of file."""
        for end in (self._read, self._write):
            os.close(end)
