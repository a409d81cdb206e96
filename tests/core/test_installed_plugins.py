"""Finding entry points ourselves gives what the standard library's search gives."""

import sys
import zipfile
from collections import Counter
from importlib import metadata
from pathlib import Path

import pytest

from unharness.installed_plugins import EntryPoint, installed

GROUP = "unharness"
METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nName: of the description\n"
POINTS = "[console_scripts]\nmine = mine:main\n[unharness]\n# a comment\nmine = mine.plugin\n"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the only one on `sys.path`."""
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    return tmp_path


def _distribution(
    place: Path,
    name: str = "mine",
    version: str = "1.0",
    points: str = POINTS,
    information: str = "METADATA",
    kind: str = "dist-info",
) -> Path:
    folder = place / f"{name.replace('-', '_')}-{version}.{kind}"
    folder.mkdir(parents=True)
    (folder / "entry_points.txt").write_text(points, encoding="utf-8")
    if information:
        (folder / information).write_text(METADATA.format(name=name, version=version))
    return folder


def _found_as_the_library_finds() -> list[EntryPoint]:
    found = installed(GROUP)
    expected = [EntryPoint.of(point) for point in metadata.entry_points(group=GROUP)]
    assert Counter(found) == Counter(expected)
    return found


def test_finds_what_is_installed_here():
    assert {point.distribution for point in _found_as_the_library_finds()} >= {"unharness"}


def test_reads_name_version_and_group(place):
    _distribution(place, "My.Dist", "2.1")
    _distribution(place, "other", points="[unharness.more]\nmine = mine\n")
    assert _found_as_the_library_finds() == [
        EntryPoint("mine", "mine.plugin", "My.Dist", "2.1"),
    ]


@pytest.mark.parametrize(
    "points",
    [
        "",
        "[unharness]\n",
        "mine = before.any.section\n[unharness]\nmine=a.b:c.d [extra]\n",
        "\n  [unharness]  \n  mine  =  a : b  \n\ttwo = c = d\n",
        "[unharness]\nmine = a\nmine = b\n[other]\nx = y\n[unharness]\nlast = z\n",
        "[other]\nunharness = unharness\n",
        "[unharness]\r\nmine = größe\r\n",
    ],
)
def test_reads_entry_points_as_the_library_does(place, points):
    _distribution(place, points=points)
    _found_as_the_library_finds()


def test_of_a_distribution_installed_twice_the_first_counts(place, monkeypatch):
    first, second = place / "first", place / "second"
    _distribution(first, "my-dist", "2.0", points="[unharness]\nnew = new\n")
    _distribution(second, "my_dist", "1.0", points="[unharness]\nold = old\n")
    monkeypatch.setattr(sys, "path", [str(place / "missing"), str(first), str(second)])
    assert [point.name for point in _found_as_the_library_finds()] == ["new"]


def test_reads_egg_info_as_setuptools_leaves_it_in_a_source_tree(place):
    _distribution(place, kind="egg-info", information="PKG-INFO")
    (place / "file_only-1.0.egg-info").write_text(METADATA.format(name="file-only", version="1"))
    assert [point.name for point in _found_as_the_library_finds()] == ["mine"]


def test_the_current_folder_counts_where_the_path_says_so(place, monkeypatch):
    _distribution(place)
    monkeypatch.chdir(place)
    monkeypatch.setattr(sys, "path", [""])
    assert [point.name for point in _found_as_the_library_finds()] == ["mine"]


def test_a_zip_on_the_path_is_left_to_the_library(place, monkeypatch):
    folder = _distribution(place / "unpacked")
    archive = place / "plugins.zip"
    with zipfile.ZipFile(archive, "w") as written:
        for file in folder.iterdir():
            written.write(file, f"{folder.name}/{file.name}")
    monkeypatch.setattr(sys, "path", [str(archive)])
    assert [point.name for point in _found_as_the_library_finds()] == ["mine"]


def test_an_egg_on_the_path_is_left_to_the_library(place, monkeypatch):
    egg = place / "mine-1.0-py3.egg"
    _distribution(egg, information="PKG-INFO", kind="egg-info").rename(egg / "EGG-INFO")
    monkeypatch.setattr(sys, "path", [str(egg)])
    assert [point.name for point in _found_as_the_library_finds()] == ["mine"]


def test_an_import_hook_may_bring_distributions(place, monkeypatch):
    folder = _distribution(place / "elsewhere")

    class Hook:
        @staticmethod
        def find_spec(*_arguments):
            return None

        @staticmethod
        def find_distributions(*_arguments):
            return [metadata.Distribution.at(folder)]

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Hook])
    assert [point.name for point in _found_as_the_library_finds()] == ["mine"]


def test_what_was_just_installed_or_changed_is_found(place):
    assert installed(GROUP) == []
    folder = _distribution(place)
    assert [point.name for point in installed(GROUP)] == ["mine"]
    (folder / "entry_points.txt").write_text("[unharness]\nyours = yours\n")
    assert [point.name for point in installed(GROUP)] == ["yours"]


def test_a_broken_installation_costs_only_itself(place):
    _distribution(place, "whole")
    _distribution(place, "nameless", information="")
    _distribution(place, "unparsable", points="[unharness]\nno value\n")
    (_distribution(place, "undecodable") / "entry_points.txt").write_bytes(b"[unharness]\na=\xff")
    found = {point.distribution: point for point in installed(GROUP)}
    assert set(found) == {"whole", "", "unparsable", "undecodable"}
    with pytest.raises(ValueError, match="[Mm]odule name"):
        found["unparsable"].load()


@pytest.mark.parametrize(
    "value", ["json.decoder:JSONDecoder.decode", "json.decoder : JSONDecoder.decode [extra]"]
)
def test_loads_what_a_value_names(value):
    from json.decoder import JSONDecoder

    assert EntryPoint("a", value, "", "").load() is JSONDecoder.decode
    assert EntryPoint("a", "json", "", "").load() is sys.modules["json"]
