"""A cache of its own for every test."""

import json
import runpy
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from unharness.cache import cached_folder

_command_line = runpy.run_path(str(Path(__file__).parents[1] / "cli" / "conftest.py"))
call = _command_line["call"]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The empty folder that the cache is in."""
    folder = tmp_path / "cache"
    folder.mkdir()
    monkeypatch.setenv("UNHARNESS_CACHE", str(folder))
    monkeypatch.setattr("unharness.engines.vllm.scratch.MEMORY", tmp_path / "no-memory")
    return folder


@pytest.fixture
def add(cache: Path) -> Callable[..., Path]:
    """add("models", "ab" * 32) -> the folder of an entry with a safetensors file, as it is made."""

    def make(room: str, key: str, content: bytes = b"\0" * 8) -> Path:
        return cached_folder(
            room, key, lambda folder: write_tensor(folder / "w.safetensors", content)
        )[0]

    return make


def write_tensor(path: Path, content: bytes, *, claimed: int | None = None) -> None:
    """Write a safetensors file of one tensor; `claimed`: the bytes that its header says."""
    end = len(content) if claimed is None else claimed
    header = {"w": {"dtype": "U8", "shape": [end], "data_offsets": [0, end]}}
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content)
