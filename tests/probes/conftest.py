"""Probe plugins are installed as packages would be: found by their entry points."""

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from unharness.registry import registry

HERE = Path(__file__).parent


@pytest.fixture
def probes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """probes("method_probes") makes modules of this folder installed plugins."""
    folder = tmp_path / "installed"

    def install(*modules: str) -> None:
        for module in modules:
            about = folder / f"{module}-1.0.dist-info"
            about.mkdir(parents=True)
            shutil.copy(HERE / f"{module}.py", folder)
            metadata = f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n"
            (about / "METADATA").write_text(metadata)
            (about / "entry_points.txt").write_text(f"[unharness]\n{module} = {module}\n")
            monkeypatch.delitem(sys.modules, module, raising=False)
        monkeypatch.syspath_prepend(str(folder))
        registry.cache_clear()  # another test of this process may have asked for it

    yield install
    registry.cache_clear()


@pytest.fixture
def run_probe(probes: Callable[..., None], tmp_path: Path, data_folder: Path) -> Callable[..., Any]:
    """run_probe("method", **options) -> the record of a run of the preset micro."""

    def call(method: str, **options: Any) -> Any:
        from unharness import run

        options = {"model": "micro", "data": str(data_folder), "limit": 2} | options
        return run(method, "knowundo-privacy", results=str(tmp_path / "results"), **options)

    probes("method_probes")
    return call


@pytest.fixture
def run_task(tmp_path: Path) -> Callable[..., Any]:
    """run_task("task", "method", **options) -> the record of a run of the preset micro."""

    def call(task: str, method: str, **options: Any) -> Any:
        from unharness import run

        options = {"model": "micro", "data": "standin"} | options
        return run(method, task, results=str(tmp_path / "results"), **options)

    return call


@pytest.fixture
def run_attacked(
    probes: Callable[[str], None], tmp_path: Path, data_folder: Path
) -> Callable[..., Any]:
    """run_attacked("attack", **options) -> the record of a run of the preset micro."""

    def call(attack: str | tuple[str, ...], **options: Any) -> Any:
        from unharness import run

        options = {"model": "micro", "data": str(data_folder), "limit": 2} | options
        results = str(tmp_path / "results")
        return run(
            "gradient-difference", "knowundo-privacy", attack=attack, results=results, **options
        )

    probes("attack_probes")
    return call
