"""What plugins rely on changes only with `unharness.API_VERSION`."""

import json
from pathlib import Path

import pytest

import unharness

REPOSITORY = Path(__file__).resolve().parents[2]
SNAPSHOT = Path(__file__).with_name("public_api.json")
FIX = (
    "the public API is not the snapshot's: change API_VERSION in harness/unharness/__init__.py "
    "(the first number where something goes or changes, the second where something is added), then "
    "python docs/public_api.py tests/core/public_api.json"
)


@pytest.fixture
def api(monkeypatch):
    monkeypatch.syspath_prepend(str(REPOSITORY / "docs"))
    import public_api

    return public_api


def test_the_api_is_that_of_the_snapshot(api):
    old = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    breaking, added = api.changes(old["names"], api.public_api())
    assert not breaking + added, "\n".join([FIX, *breaking, *added])
    assert old["version"] == unharness.API_VERSION, FIX


def test_the_snapshot_has_signatures_members_and_hooks(api):
    found = json.loads(SNAPSHOT.read_text(encoding="utf-8"))["names"]
    assert {name for name in unharness.__all__ if not name.startswith("__")} <= set(found)
    assert found["LossMethod.loss"][0] == "abstract method"
    assert found["LossMethod.loss"][-1] == "-> Tensor"
    assert found["TrainConfig.lr"][:2] == ["field", "float"]
    assert found["hook unharness_methods"][0] == "function"


OLD = {
    "Base": ["class"],
    "Base.size": ["attribute", "int"],
    "run": ["function", "method: str", "*", "seed: int = 0", "-> Record"],
}


@pytest.mark.parametrize(
    ("change", "breaks"),
    [
        ({"run": None}, True),
        ({"Base.size": ["attribute", "str"]}, True),
        ({"run": ["function", "method: str", "*", "seed: int = 1", "-> Record"]}, True),
        (
            {"run": ["function", "method: str", "task: str", "*", "seed: int = 0", "-> Record"]},
            True,
        ),
        ({"run": ["function", "method: str", "*", "seed: int = 0", "-> str"]}, True),
        ({"Base.must": ["abstract method", "self"]}, True),
        ({"Base.may": ["method", "self"]}, False),
        ({"other": ["function"]}, False),
        (
            {
                "run": [
                    "function",
                    "method: str",
                    "*",
                    "seed: int = 0",
                    "tag: str = ''",
                    "-> Record",
                ]
            },
            False,
        ),
    ],
)
def test_what_breaks_plugins_is_told_from_what_is_new(api, change, breaks):
    new = {name: what for name, what in (OLD | change).items() if what is not None}
    breaking, added = api.changes(OLD, new)
    assert (len(breaking), len(added)) == ((1, 0) if breaks else (0, 1))
    assert api.changes(OLD, OLD) == ([], [])


def test_a_version_must_say_enough(api):
    assert api.enough("1.2", "1.3", breaking=False)
    assert not api.enough("1.2", "1.2", breaking=False)
    assert not api.enough("1.2", "1.9", breaking=True)
    assert api.enough("1.9", "2.0", breaking=True)


def test_a_snapshot_is_not_replaced_without_a_version(api, monkeypatch, tmp_path):
    path = tmp_path / "api.json"
    path.write_text(api.rendered(unharness.API_VERSION, OLD))
    with pytest.raises(SystemExit, match="raise its first number"):
        api.main(str(path))
    major = int(unharness.API_VERSION.split(".")[0])
    monkeypatch.setattr(unharness, "API_VERSION", f"{major + 1}.0")
    api.main(str(path))
    found = json.loads(path.read_text())
    assert found["version"] == f"{major + 1}.0"
    assert "LossMethod.loss" in found["names"]
