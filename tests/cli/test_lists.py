import json
import subprocess
import sys
from typing import Annotated, Literal

import pytest
from pydantic import AfterValidator, Field

from unharness.cli.describe import hyperparameters
from unharness.kinds import KINDS
from unharness.registry import Entry, PluginInfo, Ref, registry
from unharness.unlearning.method import Method

HEAVY = ("torch", "transformers", "numpy", "scipy", "pandas", "datasets")


@pytest.mark.parametrize("kind", KINDS)
def test_lists_every_name_of_a_kind(call, kind):
    code, out, _ = call(kind)
    assert code == 0
    lines = out.splitlines()[1:]
    if KINDS[kind].columns:  # under a heading for each family
        lines = [line.removeprefix("  ") for line in lines if line.startswith("  ")]
    names = [line.split()[0] for line in lines if line[:1].strip()]
    assert sorted(names) == registry().names(kind)
    assert call(kind, "list")[1] == out


def test_methods_are_grouped_by_family_with_what_they_need(call):
    _, out, _ = call("methods")
    rows = json.loads(call("methods", "--format", "json")[1])
    families = sorted({row["family"] for row in rows})
    assert [line.strip(" :") for line in out.splitlines()[1:] if line[:1].strip()] == families
    [row] = [row for row in rows if row["name"] == "npo"]
    assert row["family"] == "preference"
    assert row["needs"] == ["retain set", "reference log_probs (forget)"]
    assert row["evidence"] == ["oracle"]
    text = " ".join(out.partition("  npo ")[2].partition("simnpo")[0].split())
    assert "needs: retain set, reference log_probs (forget) · evidence: oracle" in text
    shown = call("methods", "show", "npo")[1]
    assert "tests/methods/test_preference_losses.py" in shown
    assert "reference log_probs (forget)" in shown


@pytest.mark.parametrize("arguments", [("--format", "json"), ("list", "--format", "json")])
def test_lists_as_json(call, arguments):
    code, out, _ = call("methods", *arguments)
    assert code == 0
    rows = json.loads(out)
    assert {"name": "memflex", "summary": registry().entry("methods", "memflex").summary} == {
        key: next(row for row in rows if row["name"] == "memflex")[key]
        for key in ("name", "summary")
    }
    shown = {"name", "summary", "plugin", "family", "needs", "evidence"}
    assert all(set(row) == shown for row in rows)
    assert all(
        set(row) == {"name", "summary", "plugin"}
        for row in json.loads(call("tasks", *arguments)[1])
    )


@pytest.mark.parametrize("kind", KINDS)
def test_shows_everything_that_is_registered(call, kind):
    for name in registry().names(kind):
        code, out, _ = call(kind, "show", name, "--format", "json")
        facts = json.loads(out)
        assert code == 0
        assert facts["name"] == name
        assert facts["distribution"] == "unharness"
        code, out, _ = call(kind, "show", name)
        assert code == 0
        assert name in out


def test_shows_a_methods_hyperparameters(call):
    _, out, _ = call("methods", "show", "memflex", "--format", "json")
    found = {item["name"]: item for item in json.loads(out)["hyperparameters"]}
    assert list(found) == list(registry().get("methods", "memflex").Config.model_fields)
    assert found["mu"]["type"] == "float | str"
    assert found["mu"]["default"] == "q0.9"
    assert found["localise_on"]["choices"] == ["train", "train+eval"]
    assert found["micro_batch_size"]["type"] == "int | none"
    assert found["lr"]["bounds"] == "> 0, <= 10"
    own = registry().get("methods", "memflex").defaults_for("tiny")
    assert found["lr"]["defaults"]["tiny"] == own["lr"]
    _, text, _ = call("methods", "show", "memflex")
    assert "highest learning rate" in text
    assert "allowed: train, train+eval" in text
    assert f"{own['lr']} on tiny" in text


def test_shows_what_the_other_kinds_say(call):
    task = json.loads(call("tasks", "show", "knowundo-privacy", "--format", "json")[1])
    assert (task["headline"], task["version"]) == ("success_avg", 1)
    assert task["metrics"][0] == "unlearn_success"
    metric = json.loads(call("metrics", "show", "token_accuracy", "--format", "json")[1])
    assert (metric["unit"], metric["direction"], metric["version"]) == ("%", "higher", 1)
    assert metric["observes"] == ["Likelihood(prompts=('prompt',), answers=('answer',))"]
    assert "Likelihood" in call("metrics", "show", "token_accuracy")[1]
    model = json.loads(call("models", "--format", "json", "show", "tiny")[1])
    assert (model["tuning"], model["target_tuning"]) == ("full", "full")


def test_hyperparameters_of_any_config():
    class Odd:
        """A type without JSON schema."""

    class Strange(Method):
        name = "strange"
        summary = "Has all sorts of hyperparameters."
        defaults = {"big": {"needed": 5, "few": [9], "gone": 1}}

        class Config(Method.Config):
            needed: int = Field(ge=1, description="must be given")
            few: list[int] = Field(default_factory=lambda: [1, 2])
            either: bool | Literal["auto"] = "auto"
            one: Literal["only"] = "only"
            share: Annotated[float, AfterValidator(abs)] = Field(0.5, gt=0, lt=1)

        def unlearn(self, job):
            raise NotImplementedError

    found = {item["name"]: item for item in hyperparameters(Strange, ["tiny"])}
    assert found["needed"]["required"] is True
    assert found["needed"]["default"] is None
    assert found["needed"]["defaults"] == {"big": 5}
    assert found["few"]["type"] == "list of int"
    assert found["few"]["default"] == [1, 2]
    assert found["few"]["defaults"] == {"big": [9]}
    assert found["either"]["type"] == "bool | str"
    assert found["either"]["choices"] == ["auto"]
    assert found["one"]["choices"] == ["only"]
    assert found["share"]["bounds"] == "> 0, < 1"

    class Stranger(Strange):
        class Config(Strange.Config, arbitrary_types_allowed=True):
            odd: Odd | None = None

    assert "odd" in {item["name"] for item in hyperparameters(Stranger, [])}


def test_unknown_names_are_errors_with_a_suggestion(spawn):
    done = spawn("methods", "show", "memflx")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Did you mean memflex?" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [("methods", "nonsense"), ("methods", "--format", "xml")])
def test_wrong_usage_exits_with_2(call, arguments):
    assert call(*arguments)[0] == 2


@pytest.mark.parametrize("command", [*KINDS, "plugins", "leaderboard", "show"])
def test_help_has_examples(call, command):
    code, out, _ = call(command, "--help")
    assert code == 0
    assert f"\n    unharness {command}" in out


@pytest.mark.parametrize("arguments", [["methods"], ["methods", "show", "memflex"], ["plugins"]])
def test_listing_imports_nothing_heavy(arguments):
    code = (
        "import sys\nfrom unharness.cli.main import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit as stop:\n    assert stop.code == 0\n"
        f"loaded = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "print('loaded', loaded, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert "loaded []" in done.stderr


def test_plugins_are_listed_with_what_they_bring(call):
    code, out, _ = call("plugins", "--format", "json")
    assert code == 0
    found = {plugin["name"]: plugin for plugin in json.loads(out)}
    assert "memflex" in found["methods"]["provides"]["methods"]
    assert {plugin["status"] for plugin in found.values()} == {"ok"}
    assert "memflex" in call("plugins")[1]


def test_a_failed_plugin_is_shown_with_its_whole_error(call, monkeypatch):
    error = "ImportError: no module named [torch] " + "x" * 200
    broken = PluginInfo("broken", "broken-methods", "1.0", "broken.plugin", errors=[error])
    monkeypatch.setattr(registry(), "plugins", [*registry().plugins, broken])
    code, out, _ = call("plugins")
    assert code == 0
    assert "failed" in out
    assert error.replace(" ", "") in "".join(out.split())
    item = json.loads(call("plugins", "--format", "json")[1])[-1]
    assert (item["status"], item["errors"]) == ("failed", [error])
    assert "broken" in call("methods")[2]


def test_a_method_that_cannot_be_loaded_is_an_error_of_one_line(call, monkeypatch):
    plugin = PluginInfo("third", "third-party", "2.0", "third.plugin")
    entry = Entry("gone", "Is not there.", Ref("no_such.module:Gone", "gone", "x"), plugin)
    monkeypatch.setitem(registry()._entries["methods"], "gone", entry)
    _, out, _ = call("methods")
    assert "other:" in out
    assert "gone" in out
    code, _, err = call("methods", "show", "gone")
    assert code == 1
    assert "third-party 2.0" in err


def test_a_class_that_is_no_ref_is_listed_with_what_it_says_of_itself(call, monkeypatch):
    class Own(Method):
        name = "own"
        summary = "Of a plugin that registers the class itself."
        family = "mine"
        evidence = (("paper", "table 1"), ("paper", "table 2"))

        def unlearn(self, context):
            raise NotImplementedError

    class Broken(Own):
        name = "broken"

        def streams(self):
            raise RuntimeError("no streams today")

    plugin = PluginInfo("third", "third-party", "2.0", "third.plugin")
    for found in (Own, Broken):
        entry = Entry(found.name, found.summary, found, plugin)
        monkeypatch.setitem(registry()._entries["methods"], found.name, entry)
    code, out, err = call("methods", "--format", "json")
    assert code == 0
    rows = {row["name"]: row for row in json.loads(out)}
    assert (rows["own"]["family"], rows["own"]["evidence"]) == ("mine", ["paper"])
    assert (rows["broken"]["family"], rows["broken"]["needs"]) == ("", [])
    assert "method 'broken' of plugin 'third' (third-party 2.0) failed" in err
