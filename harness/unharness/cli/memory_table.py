"""The estimate of a run's memory, as `unharness run --dry-run` prints it."""

from __future__ import annotations

from rich.table import Table

from unharness.pipeline.memory_estimate import RunEstimate
from unharness.terminal import Console

GB = 1e9
TIGHT = 0.75
"""Share of the free memory from which on the estimate is not exact enough to promise a fit: an
allocator may hold a third more than the tensors."""


def print_estimate(found: RunEstimate) -> None:
    """Print the estimate on stderr, so that stdout holds the spec alone."""
    console = Console(stderr=True)
    table = Table(title="peak memory, estimated by formula, GB", title_justify="left", box=None)
    table.add_column("", no_wrap=True)
    for stage in found.stages:
        table.add_column(stage.name, justify="right")
    names = dict.fromkeys(name for stage in found.stages for name in stage.memory.parts)
    for name in names:
        table.add_row(name, *(_gigabytes(stage.memory.parts.get(name)) for stage in found.stages))
    peaks = [_gigabytes(stage.memory.peak) for stage in found.stages]
    table.add_row("peak", *peaks, style="bold")
    console.print(table)
    for stage in found.stages:
        batch = f"; largest micro-batch {stage.batch}" if stage.batch else ""
        line = f"{stage.name}: peak at {stage.memory.moment}{batch}"
        console.print(line, soft_wrap=True, highlight=False)
    for note in found.notes:
        console.print(f"note: {note}", style="yellow", soft_wrap=True, highlight=False)
    console.print(comparison(found), style="bold", soft_wrap=True, highlight=False)


def comparison(found: RunEstimate) -> str:
    """Return how the estimate compares with what the device has free, in a line."""
    sizes = f"estimated {found.peak / GB:.2f} GB, {found.free / GB:.2f} GB free on {found.device}"
    if found.peak < TIGHT * found.free:
        return f"{sizes}: it should fit"
    more = "try a smaller micro_batch_size or --max-length, or --tuning lora"
    verdict = "it may not fit" if found.peak <= found.free else "it will probably not fit"
    return f"{sizes}: {verdict}; {more}"


def _gigabytes(size: float | None) -> str:
    return "–" if size is None else f"{size / GB:.2f}"
