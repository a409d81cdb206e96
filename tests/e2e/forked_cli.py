"""The command line in a process of its own that need not import torch first.

A server imports what is heavy, once; each call is forked from it. What a call sees is what
`python -m unharness.cli.main` sees: its arguments, environment, folder, standard streams.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import multiprocessing
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

HEAVY = ["transformers.trainer", "peft", "rouge_score.rouge_scorer"]
HEAVY += ["unharness.pipeline.run", "unharness.pipeline.distributed"]
QUIET = {  # as the command line sets them before it imports these libraries
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TQDM_DISABLE": "1",
}
_context = multiprocessing.get_context("forkserver")


def start() -> None:
    """Say what the server imports; it starts with the first call."""
    here = str(Path(__file__).parent)
    if here not in sys.path:
        sys.path.append(here)  # where the forked process finds this module
    _context.set_forkserver_preload(HEAVY)


class Running:
    """A command line that is under way."""

    def __init__(
        self,
        words: Sequence[str],
        environment: Mapping[str, str],
        *,
        most_bytes: int | None = None,
    ) -> None:
        """Start it; no file that it writes may grow beyond `most_bytes`."""
        self._words = list(words)
        self._scratch = tempfile.TemporaryDirectory()
        self._texts = [str(Path(self._scratch.name) / name) for name in ("stdout", "stderr")]
        started = {name: os.environ.get(name) for name in QUIET}
        os.environ.update(QUIET)
        try:
            self._process = _context.Process(
                target=_main,
                args=(self._words, dict(environment), str(Path.cwd()), *self._texts, most_bytes),
            )
            self._process.start()
        finally:
            for name, value in started.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self._process.exitcode is not None

    def ends_within(self, seconds: float) -> bool:
        """Wait for its end, and say whether it came."""
        self._process.join(seconds)
        return self.over

    def errors(self) -> str:
        """Return what it has said on stderr so far."""
        path = Path(self._texts[1])
        return path.read_text("utf-8") if path.exists() else ""

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self._process.pid, number)

    def result(self, timeout: float) -> subprocess.CompletedProcess[str]:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: it took longer than `timeout` seconds; it is killed.
        """
        with self._scratch:
            self._process.join(timeout)
            if self._process.exitcode is None:
                self._process.kill()
                self._process.join()
                raise subprocess.TimeoutExpired(self._words, timeout)
            output, errors = (Path(path).read_text("utf-8") for path in self._texts)
            return subprocess.CompletedProcess(self._words, self._process.exitcode, output, errors)


def call(
    words: Sequence[str], environment: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run the command line once.

    Raises:
        subprocess.TimeoutExpired: it took longer than `timeout` seconds; it is killed.
    """
    return Running(words, environment).result(timeout)


def call_together(
    words: Sequence[str], environment: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run the command line in two processes that know of each other, as torchrun starts them.

    Returns:
        The worse exit code of the two, and all that they print.

    Raises:
        subprocess.TimeoutExpired: one took longer than `timeout` seconds.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    shared |= {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
    both = [
        Running(words, {**environment, **shared, "RANK": rank, "LOCAL_RANK": rank})
        for rank in ("0", "1")
    ]
    done = [one.result(timeout) for one in both]
    return subprocess.CompletedProcess(
        list(words),
        max(done, key=lambda one: abs(one.returncode)).returncode,
        "".join(one.stdout for one in done),
        "".join(one.stderr for one in done),
    )


def _main(
    words: list[str],
    environment: dict[str, str],
    folder: str,
    output: str,
    errors: str,
    most_bytes: int | None,
) -> None:
    """Be `python -m unharness.cli.main WORDS`."""
    gc.freeze()  # accelerate collects garbage twice a training: through all of torch each time
    # A background shell hands down an ignored SIGINT; a user's terminal does not.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for target, descriptor in ((os.devnull, 0), (output, 1), (errors, 2)):
        opened = os.open(target, os.O_RDONLY if descriptor == 0 else os.O_WRONLY | os.O_CREAT)
        os.dup2(opened, descriptor)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    sys.argv = ["unharness", *words]
    paths = [folder, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
    sys.path[:0] = [path for path in paths if path not in sys.path]
    importlib.invalidate_caches()
    import torch

    if threads := environment.get("OMP_NUM_THREADS"):
        torch.set_num_threads(int(threads))
    if most_bytes:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
    code = 1
    try:
        from unharness.cli.main import main

        main(words)
        code = 0
    except SystemExit as stopped:
        code = stopped.code if isinstance(stopped.code, int) else int(stopped.code is not None)
    except KeyboardInterrupt:  # nobody has caught it yet: Python ends itself by the signal
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:
        traceback.print_exc()
    finally:
        threading._shutdown()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
