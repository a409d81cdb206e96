"""The specification of a run: what was asked for, what it resolves to, and what identifies it."""

from __future__ import annotations

import hashlib
import json
import os
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from unharness import defaults
from unharness.strict_model import StrictModel

IDENTITY_VERSION = 3
"""Raised whenever equal runs would get other ids."""
ADDED_IN: dict[int, tuple[str, ...]] = {3: ("limit_train", "template", "target_hash")}
"""Identity version to the fields it added: ids of older records are checked without them."""
RUN_ID_LENGTH = 16
HIGHEST_SEED = 2**32 - 1

IDENTITY: dict[str, Any] = {"role": "identity"}
RUNTIME: dict[str, Any] = {"role": "runtime"}


NAMES_IN_A_ROW = {"suite"}
"""Fields that may hold many names with commas between them."""
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


class SharedRequest(StrictModel):
    """What a request for one run and one for many have in common; None where nothing was said."""

    target: str | None = Field(None, min_length=1)
    """Weights that know the facts already: a folder or a hub id; None: the target is trained."""
    tuning: Literal["lora", "full"] | None = None
    engine: str = "auto"
    engine_set: dict[str, Any] = Field(default_factory=dict)
    """Options of the engine by name."""
    data: str = "auto"
    general: str = "auto"
    """General text, for the methods that want some: a file, `bundled`, or `auto`."""
    suite: str | None = None
    """General knowledge: a suite, names of lm-eval's tasks, or `none`."""
    include_path: str | None = None
    """A folder of lm-eval YAML."""
    preset: str | None = None
    """Published hyperparameters: `NAME`, or `NAME:MODEL` for another model's."""
    template: str | None = None
    """How questions and answers are joined, `plain` or `chat`; None: the task's, else the
    model's."""
    prompt: tuple[str, ...] = Field(("none",), min_length=1)
    """Instructions before every evaluated question: names or files; a record each."""
    results: str | None = None
    save_weights: bool = False
    limit: int | None = Field(None, ge=1)
    """Evaluate only so many examples of each split."""
    limit_train: int | None = Field(None, ge=1)
    """Learn, and unlearn, only so many examples of each split."""
    device: str = "auto"

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
    part: Literal["evaluation", "validation"] = "evaluation"
    """What judges: the evaluation halves, or a part of the training halves, for tuning."""
    tuned: int | None = Field(None, ge=1)
    """How many trials chose the hyperparameters."""
    force: bool = False

    @field_validator("prompt", mode="before")
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
        """Return what was said of the method's Config, the short flags included."""
        flags = {"epochs": self.epochs, "lr": self.lr, "batch_size": self.batch_size}
        return {name: value for name, value in flags.items() if value is not None} | self.set


class EvaluationSettings(BaseModel):
    """How models are evaluated."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    metrics: tuple[str, ...]
    engine: str
    engine_options: dict[str, Any] = Field(default_factory=dict)
    """Those that can change what is generated."""
    max_length: int = 256
    """Of question and answer, in tokens; a prompt comes on top."""
    max_new_tokens: int = 96
    prompt: str = ""
    """The instruction that stands before every question; empty for none."""
    suite: dict[str, Any] | None = None
    """The general knowledge that is asked for: tasks, versions, shots; None for none."""
    bootstrap_seed: int = 0


def results_folder(given: str | None) -> str:
    """Return the folder of records: the one given, that of `UNHARNESS_RESULTS`, or the default."""
    return given or os.environ.get(defaults.RESULTS_VARIABLE) or defaults.RESULTS


class RunSpec(BaseModel):
    """A run, resolved. Every field says whether it is part of the run's identity.

    Data and weights are identified by their content; names and paths are not.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    task: str = Field(json_schema_extra=IDENTITY)
    task_version: int = Field(json_schema_extra=IDENTITY)
    data_hash: str = Field(json_schema_extra=IDENTITY)
    limit: int | None = Field(None, json_schema_extra=IDENTITY)
    """Examples of each split that are evaluated; None for all."""
    limit_train: int | None = Field(None, json_schema_extra=IDENTITY)
    """Examples of each split that exist for this run at all; None for all."""
    template: str = Field("plain", json_schema_extra=IDENTITY)
    """How questions and answers are joined in splits that do not say: `plain` or `chat`."""
    base_hash: str = Field(json_schema_extra=IDENTITY)
    target_hash: str | None = Field(None, json_schema_extra=IDENTITY)
    """Of the weights that were given as the target; None where the target is trained."""
    tuning: Literal["lora", "full"] = Field(json_schema_extra=IDENTITY)
    target_tuning: Literal["lora", "full"] = Field(json_schema_extra=IDENTITY)
    lora: dict[str, Any] | None = Field(json_schema_extra=IDENTITY)
    target_recipe: dict[str, Any] = Field(json_schema_extra=IDENTITY)
    method: str = Field(json_schema_extra=IDENTITY)
    method_version: int = Field(json_schema_extra=IDENTITY)
    config: dict[str, Any] = Field(json_schema_extra=IDENTITY)
    seed: int = Field(json_schema_extra=IDENTITY)
    general_hash: str | None = Field(None, json_schema_extra=IDENTITY)
    """Of the general text that the method was given; None where it wants none."""
    dtype: str = Field(json_schema_extra=IDENTITY)
    evaluation: EvaluationSettings = Field(json_schema_extra=IDENTITY)

    model: str = Field(json_schema_extra=RUNTIME)
    model_revision: str | None = Field(None, json_schema_extra=RUNTIME)
    """The commit on the hub that the base model is of; None for a model from elsewhere."""
    data: str = Field(json_schema_extra=RUNTIME)
    data_source: str = Field(json_schema_extra=RUNTIME)
    device: str = Field(json_schema_extra=RUNTIME)
    engine_set: dict[str, Any] = Field(default_factory=dict, json_schema_extra=RUNTIME)
    """The engine's options as the user gave them."""
    results: str = Field(json_schema_extra=RUNTIME)
    prompt_name: str = Field("none", json_schema_extra=RUNTIME)
    """What the evaluation's prompt is called; the text itself is the identity."""
    preset: str | None = Field(None, json_schema_extra=RUNTIME)
    """The preset that the hyperparameters came from, if any, as `NAME (MODEL)`."""
    tuned: int | None = Field(None, json_schema_extra=RUNTIME)
    """How many trials chose the hyperparameters, if tuning did."""
    save_weights: bool = Field(False, json_schema_extra=RUNTIME)

    def identity(self) -> dict[str, Any]:
        """Return the fields that identify the run."""
        names = [name for name, role in field_roles().items() if role == "identity"]
        return self.model_dump(mode="json", include=set(names))

    def limits(self) -> str:
        """Return in words how the data is limited; empty where it is not."""
        parts = {"evaluates": self.limit, "trains on": self.limit_train}
        found = [f"{verb} {count}" for verb, count in parts.items() if count is not None]
        return f"{' and '.join(found)} examples of each split: never ranked" if found else ""

    def run_id(self, version: int = IDENTITY_VERSION) -> str:
        """Return the hash of the identity, 16 hexadecimal digits.

        Args:
            version: of the identity: that of a record, to check the record against its id.
        """
        later = {name for since, names in ADDED_IN.items() if since > version for name in names}
        fields = {name: value for name, value in self.identity().items() if name not in later}
        parts = {"identity_version": version, **fields}
        text = json.dumps(parts, sort_keys=True, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()[:RUN_ID_LENGTH]


@cache
def field_roles() -> dict[str, str]:
    """Return each field's role, `identity` or `runtime`; empty where a field is unclassified."""
    roles = {}
    for name, info in RunSpec.model_fields.items():
        extra = info.json_schema_extra
        roles[name] = str(extra.get("role", "")) if isinstance(extra, dict) else ""
    return roles
