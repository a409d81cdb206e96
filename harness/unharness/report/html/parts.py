"""What every page of ours is made of: bundled files, and the hashes that its policy allows."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources


def policy_hash(text: str) -> str:
    """Return a text's hash as a Content-Security-Policy names it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def bundled(package: str, name: str) -> str:
    """Return a file of one of our packages."""
    return (resources.files(package) / name).read_text(encoding="utf-8")
