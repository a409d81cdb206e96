"""`--target published`: the models that a task knows, in the place of an id."""

import pytest

from unharness import PublishedModels
from unharness.errors import PluginError, UsageError
from unharness.pipeline.published_weights import published_models, with_published_target
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


def test_a_task_that_gives_something_else_is_named():
    class Odd(registry().get("tasks", "tofu")):
        def published_models(self, model):
            return {"target": "x"} if model == "a" else PublishedModels("t", "r")

    assert published_models(Odd(), "b", "--target", registry()).retrained == "r"
    with pytest.raises(PluginError, match="task 'tofu' .*published_models\\(\\) gave dict"):
        published_models(Odd(), "a", "--target", registry())
