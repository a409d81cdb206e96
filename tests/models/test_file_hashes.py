"""Hashes of large files are kept, and never believed of a file that may have changed."""

import hashlib
import os

import pytest

from unharness.models import file_hashes
from unharness.models.file_hashes import SMALLEST, remembered_sha256


@pytest.fixture
def large(tmp_path, monkeypatch):
    """A large file, older than the clock's resolution, and a cache of the test's own."""
    monkeypatch.setenv("UNHARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(file_hashes, "SETTLED_S", -1.0)
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"a" * SMALLEST)
    return path


@pytest.fixture
def reads(monkeypatch):
    """The files whose content was read."""
    found = []
    really = file_hashes.sha256_of
    monkeypatch.setattr(file_hashes, "sha256_of", lambda path: found.append(path) or really(path))
    return found


def content_hash(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_untouched_file_is_read_once(large, reads):
    assert remembered_sha256(large) == remembered_sha256(large) == content_hash(large)
    assert len(reads) == 1


def test_another_content_of_equal_size_and_time_is_noticed(large):
    before, times = remembered_sha256(large), large.stat()
    large.write_bytes(b"b" * SMALLEST)
    os.utime(large, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert remembered_sha256(large) == content_hash(large) != before


def test_a_file_that_was_just_written_is_not_trusted(large, reads, monkeypatch):
    monkeypatch.setattr(file_hashes, "SETTLED_S", 3600.0)
    assert remembered_sha256(large) == remembered_sha256(large)
    assert len(reads) == 2


@pytest.mark.parametrize("damage", ["", "{}", "[]", '{"answer": "ab", "sha256": "cd"}'])
def test_a_damaged_note_is_no_note(large, reads, tmp_path, damage):
    remembered_sha256(large)
    (note,) = (tmp_path / "cache").rglob("*.json")
    note.write_text(damage)
    assert remembered_sha256(large) == content_hash(large)
    assert len(reads) == 2
    note.write_text(note.read_text().replace(content_hash(large), "0" * 64))
    assert remembered_sha256(large) == content_hash(large)


def test_without_a_writable_cache_it_works_all_the_same(large, monkeypatch):
    monkeypatch.setenv("UNHARNESS_CACHE", str(large / "no-folder"))
    assert remembered_sha256(large) == content_hash(large)
