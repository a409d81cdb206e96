"""The highest use of memory over a stretch of work.

Our own on a CPU, as psutil has the present use alone: a peak that can be reset is Linux's `/proc`.
"""

from __future__ import annotations

import resource
import sys
from contextlib import suppress
from pathlib import Path

_CLEAR = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


class PeakMemory:
    """Measures the peak from its making on: allocated on a GPU, else resident in the process."""

    def __init__(self, device: str) -> None:
        self._cuda = device if device.startswith("cuda") else None
        if self._cuda:
            import torch

            torch.cuda.reset_peak_memory_stats(self._cuda)
            return
        with suppress(OSError):  # elsewhere the peak is that of the whole process, still a bound
            _CLEAR.write_text("5")  # resets the high-water mark (Linux)

    def gigabytes(self) -> float:
        """Return the peak so far in 1e9 bytes."""
        if self._cuda:
            import torch

            return float(torch.cuda.max_memory_allocated(self._cuda)) / 1e9
        return _resident_peak() / 1e9


def _resident_peak() -> int:
    try:
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
