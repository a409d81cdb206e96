"""Small facts that are slow to find out, kept in the cache: hashes of files, a suite's identity.

A note is only an answer to exactly the question that it was written for, and is checked when it is
read: one that is damaged, or that answers another question, is no note.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from unharness.cache import cache_dir
from unharness.records.files import write_json


def recall(kind: str, question: Any) -> Any:
    """Return what was remembered as the answer to a question; None if nothing was.

    Args:
        kind: a plain name, such as `hashes`.
        question: a JSON value that holds everything the answer depends on.
    """
    try:
        note = json.loads(_path(kind, question).read_text(encoding="utf-8"))
        answer = note["answer"]
        whole = note["sha256"] == _hash([question, answer])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return answer if whole else None


def remember(kind: str, question: Any, answer: Any) -> None:
    """Keep the answer to a question; what cannot be written, or is no JSON, is just not kept."""
    with suppress(OSError, TypeError, ValueError):
        write_json(_path(kind, question), {"answer": answer, "sha256": _hash([question, answer])})


def _path(kind: str, question: Any) -> Path:
    return cache_dir() / kind / f"{_hash(question)}.json"


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
