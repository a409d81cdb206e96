"""The child's side: one request after the other, until it is told to close."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from unharness.processes.channel import Channel
from unharness.processes.inbox import Inbox

LONGEST_ERROR = 600
Tell = Callable[..., None]


def serve(make: Callable[[Tell], Any]) -> None:
    """Answer requests with the methods of a worker; never returns.

    The command line holds the numbers of both pipes and of the parent, as `Child` gives them.

    Args:
        make: returns the worker, given what tells the parent how far it is. Each public method is
            a request, and returns what JSON can say; `close` is the last.
    """
    parser = argparse.ArgumentParser()
    for name in ("read", "write", "parent"):
        parser.add_argument(name, type=int)
    parser.add_argument("--scratch", help="removed if the parent dies")
    options = parser.parse_args()
    for end in (options.read, options.write):  # what we start must not hold our pipes open
        os.set_inheritable(end, False)
    channel = Channel(options.read, options.write)
    inbox = Inbox(channel, options.parent, options.scratch)
    worker = make(lambda *parts: channel.send({"progress": parts}))
    while True:
        request = inbox.next()
        op = request.pop("op")
        if op == "close":
            break
        try:
            answer = {"result": getattr(worker, op)(**request)}
        except Exception as error:
            traceback.print_exc()
            words = " ".join(str(error).split())[:LONGEST_ERROR]
            answer = {"error": f"{type(error).__name__}: {words}"}
        channel.send(answer)
    with suppress(Exception):
        worker.close()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # past the threads and handlers of a dozen libraries
