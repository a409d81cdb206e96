"""An exported folder on the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path

from unharness.errors import ModelError, UsageError, reason_of
from unharness.hub import hub_name, is_offline, unreachable


def check_repository(repository: str) -> None:
    """Refuse what cannot be pushed to, before anything is written.

    Raises:
        UsageError: it is no `owner/name`, or the user wants no question to the hub.
    """
    named = hub_name(repository)
    if named is None or named.revision:
        raise UsageError(f"--push {repository}: expected a repository on the hub, as owner/name")
    if is_offline():
        raise UsageError("--push needs the hub, and HF_HUB_OFFLINE is set; unset it")


def push(folder: Path, repository: str, *, private: bool, message: str) -> str:
    """Upload a folder as a model, in one commit; return the commit's address.

    Args:
        folder: all of it is uploaded.
        repository: `owner/name`; made if it is not there.
        private: whether a new repository is visible to its owner alone.
        message: of the commit.

    Raises:
        ModelError: the hub does not take it; the folder stays.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    try:
        api.create_repo(repository, repo_type="model", private=private, exist_ok=True)
        made = api.upload_folder(
            repo_id=repository, repo_type="model", folder_path=str(folder), commit_message=message
        )
    except Exception as error:
        reason = unreachable(error) or reason_of(error)
        raise ModelError(
            f"{repository}: the hub did not take it ({reason}); the folder {folder} is complete, "
            "log in with 'hf auth login' and push it again"
        ) from error
    return str(getattr(made, "commit_url", made))
