"""`unharness export`: the folder, and the hub up to the network call."""

from pathlib import Path
from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def uploads(monkeypatch):
    """What the hub is asked for; `error` is raised by the upload."""
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    seen = SimpleNamespace(created=[], uploaded=[], error=None)

    def create_repo(_, repo_id, **options):
        seen.created.append((repo_id, options))

    def upload_folder(_, **options):
        if seen.error:
            raise seen.error
        files = sorted(path.name for path in Path(options["folder_path"]).iterdir())
        seen.uploaded.append((options["repo_id"], options["commit_message"], files))
        return SimpleNamespace(commit_url=f"https://huggingface.co/{options['repo_id']}/commit/1")

    monkeypatch.setattr("huggingface_hub.HfApi.create_repo", create_repo)
    monkeypatch.setattr("huggingface_hub.HfApi.upload_folder", upload_folder)
    return seen


@pytest.fixture
def export(main_here, micro_records, micro_store, tmp_path):
    """export(…) -> exit code, stdout, stderr, folder."""

    def call(*words):
        run = micro_records["none"].record.run_id
        place = ("--to", tmp_path / "out", "--results", micro_store.root, "--quiet")
        return *main_here("export", run, *place, *words), tmp_path / "out"

    return call


def test_the_folder_is_pushed_whole(export, uploads, micro_records):
    code, out, err, folder = export("--push", "me/mine", "--private", "--license", "mit")
    assert code == 0, err
    assert out.splitlines() == [str(folder), "https://huggingface.co/me/mine/commit/1"]
    assert uploads.created == [
        ("me/mine", {"repo_type": "model", "private": True, "exist_ok": True})
    ]
    [(repository, message, files)] = uploads.uploaded
    assert repository == "me/mine"
    assert micro_records["none"].record.run_id in message
    assert {"README.md", "adapter_model.safetensors", "base"} <= set(files)
    card = (folder / "README.md").read_text()
    assert "# me/mine" in card
    assert "license: mit" in card


def test_what_the_hub_refuses_stays_on_the_disk(export, uploads, hub_answer):
    uploads.error = hub_answer(401)
    code, _, err, folder = export("--push", "me/mine")
    assert code == 1
    assert "the hub did not take it" in err
    assert len(err.splitlines()) == 1
    assert (folder / "adapter_model.safetensors").is_file()


def test_what_cannot_be_pushed_is_said_before_anything_is_written(export, monkeypatch):
    code, _, err, folder = export("--push", "no-owner")
    assert code == 2
    assert "as owner/name" in err
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    code, _, err, _ = export("--push", "me/mine")
    assert code == 2
    assert "HF_HUB_OFFLINE is set" in err
    code, _, err, _ = export("--private")
    assert code == 2
    assert "--push REPO" in err
    assert not folder.exists()
