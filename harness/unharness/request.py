"""What a user asks for: one run, or what several have in common."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from unharness import defaults
from unharness.checked import checked
from unharness.data.named_files import is_place
from unharness.data.recipe import HIGHEST_SEED, MaxLength, MaxNewTokens, Precision
from unharness.errors import UsageError, short_value
from unharness.named_settings import split_names
from unharness.strict_model import StrictModel

NAMES_IN_A_ROW = {"suite", "attack", "metric"}
"""Fields that may hold many names with commas between them."""
ALL_QUESTIONS = "none"
"""The limit of a suite that has none."""
LONGEST_FILE_NAME = 255
"""In bytes: of one component of a path, on every file system in use."""
LONGEST_NAME = 4000


def check_name(text: str, *, is_path: bool = True) -> None:
    """Refuse what can be no name, id or path.

    Raises:
        ValueError: it is empty, too long, or holds what no file name can.
    """
    if not text.strip():
        raise ValueError("is empty; leave it out, or give a value")
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("holds a character that no name can hold")
    longest = max(len(part.encode()) for part in text.split("/"))
    if len(text) > LONGEST_NAME or (is_path and longest > LONGEST_FILE_NAME):
        raise ValueError("is longer than any name can be")


def with_files_task(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request's values, in which a file of facts in the task's place is the data.

    Args:
        values: of a request; `task` may be one name, several with commas, or a list.

    Raises:
        UsageError: there are other tasks beside the file, or other data.
    """
    given = values.get("task")
    names = split_names(given) if isinstance(given, str) else tuple(given or ())
    places = [name for name in names if isinstance(name, str) and is_place(name)]
    if not places:
        return dict(values)
    [place, *others] = names
    if others:
        raise UsageError(f"--task {short_value(given)}: a file of facts is one task, alone")
    if values.get("data") not in (None, "auto", place):
        raise UsageError(f"--task {short_value(place)} is the data itself; leave --data out")
    return {**values, "task": defaults.FILES_TASK, "data": place}


class SharedRequest(StrictModel):
    """What a request for one run and one for many have in common; None where nothing was said."""

    target: str | None = Field(None, min_length=1)
    """Weights that know the facts already: a folder or a hub id; None: the target is trained."""
    tuning: Literal["lora", "full"] | None = None
    engine: str = "auto"
    engine_set: dict[str, Any] = Field(default_factory=dict)
    """Options of the engine by name."""
    data: str = "auto"
    retain: str | None = Field(None, min_length=1)
    """A file, or a dataset on the hub, of what is to be kept, where `data` is a file as well."""
    columns: dict[str, str] = Field(default_factory=dict)
    """By key of the task: what those files call it."""
    general: str = "auto"
    """General text, for the methods that want some: a file, `bundled`, or `auto`."""
    suite: str | None = None
    """General knowledge: a suite, names of lm-eval's tasks, or `none`."""
    include_path: str | None = None
    """A folder of lm-eval YAML."""
    suite_data: str = "auto"
    """Where lm-eval's benchmarks are read: `auto`, `hub`, or a folder."""
    suite_limit: int | Literal["none"] | None = None
    """Questions of each task of the suite; `none` for all, None for the default."""
    preset: str | None = None
    """Published hyperparameters: `NAME`, or `NAME:MODEL` for another model's."""
    template: str | None = None
    """How questions and answers are joined, `plain` or `chat`; None: the task's, else the
    model's."""
    lora: dict[str, Any] = Field(default_factory=dict)
    """Rank, scale and dropout of the adapter, over the task's."""
    target_set: dict[str, Any] = Field(default_factory=dict)
    """Fields of the target's recipe, its seed included, over the task's."""
    max_length: MaxLength | None = None
    """Of prompt and answer in tokens, in training and evaluation; None: the task's."""
    max_new_tokens: MaxNewTokens | None = None
    """Generated after a prompt, where a split says nothing else; None: the task's."""
    prompt: tuple[str, ...] = Field(("none",), min_length=1)
    """Instructions before every evaluated question: names or files; a record each."""
    attack: tuple[str, ...] = Field(("none",), min_length=1)
    """Attacks on the unlearned model, as `NAME:SETTING=VALUE,… + NAME`; a record each."""
    log: tuple[str, ...] = ()
    """Loggers that are told of the run, by name; no part of what it is."""
    results: str | None = None
    save_weights: bool = False
    limit: int | None = Field(None, ge=1)
    """Evaluate only so many examples of each split."""
    limit_train: int | None = Field(None, ge=1)
    """Learn, and unlearn, only so many examples of each split."""
    device: str = "auto"
    precision: Literal["auto"] | Precision = "auto"
    """Of the arithmetic of training."""

    @model_validator(mode="before")
    @classmethod
    def _files_as_task(cls, values: Any) -> Any:
        return with_files_task(values) if isinstance(values, Mapping) else values

    @field_validator("attack", "log", mode="before")
    @classmethod
    def _one_text_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("suite_limit", mode="before")
    @classmethod
    def _number_or_none(cls, value: Any) -> Any:
        if value is None or value == ALL_QUESTIONS:
            return value
        if not str(value).isdecimal() or int(value) < 1:
            raise ValueError(f"expected a number of questions, 1 or more, or '{ALL_QUESTIONS}'")
        return int(value)

    @field_validator("*")
    @classmethod
    def _refuse_unusable_names(cls, value: Any, info: ValidationInfo) -> Any:
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str):
                check_name(text, is_path=info.field_name not in NAMES_IN_A_ROW)
        return value


class RunRequest(SharedRequest):
    """What a user asks for; None where nothing was said."""

    method: str = defaults.METHOD
    task: str = defaults.TASK
    model: str = "tiny"
    seed: int = Field(0, ge=0, le=HIGHEST_SEED)
    set: dict[str, Any] = Field(default_factory=dict)
    """Hyperparameters of the method by name."""
    epochs: int | None = None
    lr: float | None = None
    batch_size: int | None = None
    metric: tuple[str, ...] = ()
    """Besides the task's own, as `NAME:PARAMETER=VALUE,…@SPLIT`; no part of the run's id."""
    eval_split: Literal["evaluation", "validation"] = "evaluation"
    """What is evaluated: the evaluated splits, or validation splits, for tuning."""
    tuned: int | None = Field(None, ge=1)
    """How many trials chose the hyperparameters."""
    checkpoints: int | None = Field(None, ge=2, le=100)
    """At how many evenly spaced steps of the training the model is measured, the last included: by
    runs of their own, whose weights are kept on the way. Of methods that are a loss."""
    force: bool = False

    @field_validator("prompt", "metric", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @property
    def named_model(self) -> str | None:
        """The model, if the user named one."""
        return self.model if "model" in self.model_fields_set else None

    @property
    def shown_model(self) -> str:
        """What the run is about, in words: the model, or the target that is given."""
        return self.target or self.model

    def hyperparameters(self) -> dict[str, Any]:
        """Return the method's hyperparameters that the user gave, the short flags included."""
        flags = {"epochs": self.epochs, "lr": self.lr, "batch_size": self.batch_size}
        return {name: value for name, value in flags.items() if value is not None} | self.set


def results_folder(given: str | None) -> str:
    """Return the folder of records: the one given, that of `UNHARNESS_RESULTS`, or the default."""
    return given or os.environ.get(defaults.RESULTS_VARIABLE) or defaults.RESULTS


def make_request(values: Mapping[str, Any]) -> RunRequest:
    """Return a request, or say which option is wrong.

    Raises:
        UsageError: an option is unknown or has an impossible value.
    """
    return checked("a run", RunRequest, values, prefix=False)
