"""`--task NAME:PARAMETER=VALUE,…`: read, checked, and one name for equal parameters."""

from typing import Any, ClassVar, Literal

import pytest
from pydantic import Field, field_validator

from unharness import DataSource, FineTuneConfig, Task, TaskData
from unharness.data.named_task import full_task_name, make_task
from unharness.errors import UnknownNameError, UsageError
from unharness.named_settings import bare_name, parse_named, split_names
from unharness.records.store import task_folder
from unharness.registry import PluginInfo, Registry, load_registry
from unharness.sweeps.grid import make_sweep_request
from unharness.unlearning.presets import Preset, find_preset


class Library(Task):
    """A task with parameters of every kind."""

    name = "library"
    summary = "Books."
    metrics = ()
    headline = "kept"
    recipe: ClassVar[FineTuneConfig] = FineTuneConfig()

    class Config(Task.Config):
        share: Literal["01", "05", "10"] = Field("10", description="in percent")
        fold: int = Field(0, ge=0, le=4)
        shelf: str = ""
        people: tuple[str, ...] = ()
        whole: bool = False

        @field_validator("share", mode="before")
        @classmethod
        def _two_digits(cls, value: Any) -> Any:
            return f"{value:02d}" if isinstance(value, int) else value

    def load(self, source: DataSource) -> TaskData:
        raise NotImplementedError

    def target_recipe(self, model: str) -> FineTuneConfig:
        return self.recipe


@pytest.fixture(scope="module")
def tasks() -> Registry:
    found = load_registry([])
    found.add("tasks", Library, PluginInfo("library", "library", "1.0", "library"))
    return found


FULL_NAMES = {
    "library": "library",
    " library ": "library",
    "library:": "library",
    "library:share=10": "library",
    "library:share=05": "library:share=05",
    "library:share=5": "library:share=05",
    "library:share='05'": "library:share=05",
    "library:share=01,fold=3": "library:fold=3,share=01",
    "library:fold=3, share=1": "library:fold=3,share=01",
    "library:shelf=left": "library:shelf=left",
    "library:shelf='12'": 'library:shelf="12"',
    "library:shelf=a, b": 'library:shelf="a, b"',
    "library:people=[Ann Lee,Bo],fold=1": 'library:fold=1,people=["Ann Lee","Bo"]',
    "library:whole=true": "library:whole=true",
    'library:people=["a=b","c=d"]': 'library:people=["a=b","c=d"]',
}


@pytest.mark.parametrize("text", FULL_NAMES)
def test_equal_parameters_have_one_name_that_makes_the_same_task(text, tasks):
    task = make_task(text, tasks)
    assert task.full_name == full_task_name(text, tasks) == FULL_NAMES[text]
    again = make_task(task.full_name, tasks)
    assert (again.config, again.full_name) == (task.config, task.full_name)


def test_a_task_is_made_without_parameters_too():
    assert Library().config == Library.Config()
    assert Library().full_name == "library"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("libary", "unknown task 'libary'.*library"),
        ("libary:share=05", "unknown task 'libary'.*library"),
        ("library:shares=05", "task 'library' has no parameter 'shares'.*share"),
        ("library:share=02", "share=.*'01', '05' or '10'.*tasks show library"),
        ("library:fold=5", "fold=5"),
        ("library:fold=true", "is a boolean"),
        ("library:fold", "--task library:fold: expected NAME:SETTING=VALUE"),
        ("library:people=[a", "--task library:people=.*not YAML"),
        ("library:shelf=", "shelf=None"),
    ],
)
def test_what_is_no_task_is_refused_with_the_nearest(text, words, tasks):
    with pytest.raises(UsageError, match=words):
        make_task(text, tasks)


def test_a_task_that_is_not_installed_keeps_its_name(tasks):
    assert full_task_name("gone", tasks) == "gone"
    with pytest.raises(UnknownNameError):
        full_task_name("gone:x=1", tasks)


def test_a_list_of_tasks_is_parted_between_them_and_not_within():
    text = "a, b:x=1,y=[2,3],z=4,c:x=1 , d,"
    assert split_names(text) == ("a", "b:x=1,y=[2,3],z=4", "c:x=1", "d")
    assert split_names("") == ()
    assert bare_name("b:x=1") == "b"
    assert parse_named("b:x=1, two-words=[a,b=c]", "--task") == (
        "b",
        {"x": 1, "two_words": ["a", "b=c"]},
    )


def test_a_sweep_takes_several_tasks_from_a_flag_or_a_file(tasks):
    text = "library:fold=1,share=5,library:share=10,library"
    listed = ["library:fold=1,share=5", "library:share=10", "library"]
    for given in (text, listed):
        request = make_sweep_request({"task": given, "method": []})
        assert list(request.task) == listed
    assert [full_task_name(one, tasks) for one in listed] == [
        *("library:fold=1,share=05", "library", "library")
    ]


def test_the_folder_of_a_task_is_safe_and_its_own():
    assert task_folder("library") == "library"
    assert task_folder("library:share=05") == "library-share=05"
    assert task_folder("library:fold=3,share=01") == "library-fold=3,share=01"
    odd = [f'library:shelf="{text}"' for text in ("../../x", "a/b", "a:b", "x" * 300, "a_b")]
    folders = [task_folder(name) for name in odd]
    assert len(set(folders)) == len(folders)
    for folder in folders:
        assert folder.startswith("library-shelf=_")
        assert not set(folder) & set('/\\:*?"<>| ')
        assert len(folder) < 120


def test_a_preset_for_a_task_is_one_for_its_parameters_unless_these_have_their_own():
    presets = (
        Preset("paper", "library", "M", {"lr": 1}),
        Preset("paper", "library:share=05", "M", {"lr": 2}),
    )

    def found(task: str) -> Any:
        preset = find_preset(presets, "paper", method="m", task=task, is_model=lambda _: True)
        return preset.settings["lr"]

    assert [found(f"library{words}") for words in ("", ":share=01", ":share=05")] == [1, 1, 2]
