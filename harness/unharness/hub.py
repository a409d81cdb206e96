"""The Hugging Face hub: names, the commits that they stand for, models, whether it is in reach."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from unharness.errors import ModelError

REACH_SECONDS = 5.0
"""The libraries' own retries last minutes without a network, so a short question goes first."""
_NAME = re.compile(r"([A-Za-z0-9][\w.-]*/[\w.-]+)(?:@([\w./-]+))?")
_FAILING = 500
_TOO_MANY = 429


@dataclass(frozen=True)
class HubName:
    """A repository on the hub, and perhaps one of its revisions."""

    repository: str
    """`owner/name`."""
    revision: str | None = None
    """A commit, branch or tag; None for the main branch."""

    def at(self, commit: str) -> str:
        """Return the name of the repository at a commit, as `owner/name@commit`."""
        return f"{self.repository}@{commit}"


def hub_name(text: str) -> HubName | None:
    """Return what `owner/name` or `owner/name@revision` names; None for any other text."""
    found = _NAME.fullmatch(text)
    return HubName(found[1], found[2]) if found else None


def is_offline() -> bool:
    """Whether the user wants no question to the hub, by HF_HUB_OFFLINE."""
    return os.environ.get("HF_HUB_OFFLINE", "").lower() not in ("", "0", "false")


def commit_of(kind: Literal["model", "dataset"], name: HubName) -> str:
    """Return the commit hash that a name stands for.

    It is asked once: a process keeps to one commit, though the branch moves on.

    Raises:
        Exception: whatever huggingface_hub raises; `unreachable` tells what it means.
    """
    from huggingface_hub.errors import OfflineModeIsEnabled

    if is_offline():
        raise OfflineModeIsEnabled("HF_HUB_OFFLINE is set")
    return pinned_commit(kind, name)


@cache
def pinned_commit(kind: str, name: HubName) -> str:
    """Return what the hub answered to the first such question of this process."""
    from huggingface_hub import HfApi

    info = HfApi().repo_info(
        name.repository, repo_type=kind, revision=name.revision, timeout=REACH_SECONDS
    )
    return str(info.sha)


def unreachable(error: BaseException | None) -> str:
    """Return why the hub cannot be reached; empty if it answered, or the error is another.

    A refusal (no such repository, no access) is an answer; a server that fails is none.
    """
    import httpx
    from huggingface_hub.errors import (
        HfHubHTTPError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
    )

    while error is not None:
        name = type(error).__name__
        if is_offline() and isinstance(error, OfflineModeIsEnabled):
            return "HF_HUB_OFFLINE is set"
        if isinstance(error, HfHubHTTPError):
            status = error.response.status_code
            failing = status >= _FAILING or status == _TOO_MANY
            return f"the hub cannot be reached (it answers {status})" if failing else ""
        # LocalEntryNotFoundError: no network, and the file is not in the local cache either.
        lost = (httpx.TransportError, ConnectionError, TimeoutError, LocalEntryNotFoundError)
        if isinstance(error, lost):
            return f"the hub cannot be reached ({name})"
        error = error.__cause__
    return ""


def download(name: HubName, patterns: Sequence[str]) -> tuple[Path, str]:
    """Return the folder of a model from the hub, and the commit that it is of.

    Where the hub cannot be reached, what an earlier download left in its local cache is used.

    Raises:
        ModelError: the hub does not give it.
    """
    from huggingface_hub import snapshot_download

    shown = name.at(name.revision) if name.revision else name.repository
    try:
        try:
            commit = commit_of("model", name)
        except Exception as error:
            if not (reason := unreachable(error)):
                raise
            return _downloaded_before(name, shown, reason)
        folder = snapshot_download(name.repository, revision=commit, allow_patterns=[*patterns])
    except ModelError:
        raise
    except Exception as error:
        reason = unreachable(error) or f"the hub does not give it ({type(error).__name__})"
        raise ModelError(
            f"{shown}: no such folder, and {reason}; check the name and the network, or give a "
            "folder, or --model tiny"
        ) from error
    return Path(folder), commit


def _downloaded_before(name: HubName, shown: str, reason: str) -> tuple[Path, str]:
    from huggingface_hub import snapshot_download

    try:
        folder = Path(
            snapshot_download(name.repository, revision=name.revision, local_files_only=True)
        )
    except Exception as error:
        raise ModelError(
            f"{shown}: no such folder, {reason}, and the hub's local cache does not hold it; "
            "check the name and the network, or give a folder, or --model tiny"
        ) from error
    return folder, folder.name  # …/snapshots/<commit>
