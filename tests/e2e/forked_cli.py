"""The command line in a process of its own that need not import torch first.

A server imports what is heavy, once; each call is forked from it. What a call sees is what
`python -m unharness.cli.main` sees: its arguments, environment, folder, standard streams.
"""

from __future__ import annotations

import atexit
import importlib
import multiprocessing
import os
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

HEAVY = ["transformers.trainer", "peft", "unharness.pipeline.run", "unharness.pipeline.distributed"]
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


def call(
    words: Sequence[str], environment: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run the command line once.

    Raises:
        subprocess.TimeoutExpired: it took longer than `timeout` seconds; it is killed.
    """
    with tempfile.TemporaryDirectory() as scratch:
        output, errors = Path(scratch) / "stdout", Path(scratch) / "stderr"
        started = {name: os.environ.get(name) for name in QUIET}
        os.environ.update(QUIET)
        try:
            process = _context.Process(
                target=_main,
                args=(list(words), dict(environment), str(Path.cwd()), str(output), str(errors)),
            )
            process.start()
        finally:
            for name, value in started.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(list(words), timeout)
        return subprocess.CompletedProcess(
            list(words), process.exitcode, output.read_text("utf-8"), errors.read_text("utf-8")
        )


def _main(
    words: list[str], environment: dict[str, str], folder: str, output: str, errors: str
) -> None:
    """Be `python -m unharness.cli.main WORDS`."""
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
    code = 1
    try:
        from unharness.cli.main import main

        main(words)
        code = 0
    except SystemExit as stopped:
        code = stopped.code if isinstance(stopped.code, int) else int(stopped.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        threading._shutdown()
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
