"""`--target published`: the models that a task knows, in the place of an id."""

import pytest

from unharness import PublishedModels
from unharness.errors import PluginError, UsageError
from unharness.hub import pinned_commit
from unharness.pipeline.published_weights import (
    published_models,
    published_note,
    with_published_target,
)
from unharness.pipeline.resolve import resolve
from unharness.registry import registry
from unharness.request import make_request
from unharness.sweeps.grid import cells, make_sweep_request

MODEL = "meta-llama/Llama-3.2-1B-Instruct"
TARGET = "open-unlearning/tofu_Llama-3.2-1B-Instruct_full"


def test_it_is_the_tasks_for_the_base_model():
    request = make_request({"task": "tofu", "model": MODEL, "target": "published"})
    found = with_published_target(request, registry())
    assert (found.target, found.named_model) == (TARGET, MODEL)
    assert with_published_target(found, registry()) is found
    grid = make_sweep_request(
        {"task": "tofu,tofu:fraction=1", "model": MODEL} | {"target": "published"}
    )
    assert [(one.task, one.target) for one in cells(grid, registry())] == [
        ("tofu", TARGET),
        ("tofu:fraction=01", TARGET),
    ]


def test_where_none_is_known_it_is_an_error_in_one_line(main_here):
    words = ("--target", "published", "--task", "tofu:fraction=5", "--model", "tiny")
    code, _, err = main_here("run", *words)
    assert code == 2
    assert "--target published: tofu:fraction=05 knows no published models of tiny" in err
    with pytest.raises(UsageError, match="knowundo-privacy knows no published models"):
        with_published_target(make_request({"target": "published"}), registry())


@pytest.fixture
def note(fake_hub, checkpoint, tmp_path):
    """note(commits, **options) -> what a run on a model of that name says of published ones."""

    def call(*there, error=None, name="Llama-3.2-1B-Instruct", **options):
        folder = tmp_path / name
        if not folder.exists():
            folder.symlink_to(checkpoint("llama"))
        fake_hub.commits = dict.fromkeys(there, "a" * 40)
        fake_hub.error = error
        pinned_commit.cache_clear()
        given = {"task": "tofu", "model": str(folder), "data": "standin", "suite": "none"}
        plan = resolve(make_request({**given, "device": "cpu", **options}), registry())
        return published_note(plan, registry())

    return call


def test_a_run_says_that_they_are_there(note, fake_hub, checkpoint, hub_answer):
    retrained = TARGET.replace("_full", "_retain90")
    found = note(TARGET, retrained)
    assert f"target {TARGET}, taken by --target published" in found
    assert f"retrained {retrained}, by 'unharness evaluate --weights published" in found
    assert len(found.splitlines()) == 1
    assert note(TARGET) == ""  # the retrained one is not there
    assert note(TARGET, retrained, error=hub_answer(503)) == ""
    assert note(TARGET, retrained, target=str(checkpoint("llama"))) == ""
    asked = len(fake_hub.asked)
    assert note(TARGET, retrained, name="Other-1B") == ""
    assert note(TARGET, retrained, task="wmdp") == ""
    assert len(fake_hub.asked) == asked  # nothing to ask for


def test_nobody_is_asked_offline(note, fake_hub, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert note(TARGET, TARGET.replace("_full", "_retain90")) == ""
    assert not fake_hub.asked


def test_a_task_that_gives_something_else_is_named():
    class Odd(registry().get("tasks", "tofu")):
        def published_models(self, model):
            return {"target": "x"} if model == "a" else PublishedModels("t", "r")

    assert published_models(Odd(), "b", "--target", registry()).retrained == "r"
    with pytest.raises(PluginError, match="task 'tofu' .*published_models\\(\\) gave dict"):
        published_models(Odd(), "a", "--target", registry())
