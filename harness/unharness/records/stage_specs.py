"""The specification of a run: five nested specs, each identified by the hash of its content.

    TargetSpec ⊂ UnlearnSpec ⊂ AttackSpec ⊂ ObserveSpec ⊂ ScoreSpec

Each says everything that decides the output of its stage, and nothing else: another prompt,
metric or limit on the evaluation changes an outer spec alone, so nothing is trained again. Data
and weights are identified by content; names and paths are not.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

IDENTITY_VERSION = 5
"""Raised whenever equal runs would get other ids."""
RUN_ID_LENGTH = 16

_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=True)

Tuning = Literal["lora", "full"]


class Spec(BaseModel):
    """Values that identify something."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    def digest(self) -> str:
        """Return the SHA-256 of all values, of the nested specs too."""
        return digest_of(self.model_dump(mode="json"))


class TargetSpec(Spec):
    """What decides the target model's weights."""

    base_hash: str
    """Of the base model: weights, configuration, tokenizer."""
    learned: dict[str, str] = Field(default_factory=dict)
    """Split to the hash of what is learned from it."""
    knowledge_hash: str | None = None
    """Of what the model learns besides the task."""
    recipe: dict[str, Any] = Field(default_factory=dict)
    tuning: Tuning
    lora: dict[str, Any] | None = None
    template: str = "plain"
    max_length: int = 256
    dtype: str
    given_hash: str | None = None
    """Of weights that the user gave as the target; None where the target is trained."""


class UnlearnSpec(Spec):
    """What decides the unlearned weights."""

    target: TargetSpec
    method: str
    method_version: int
    method_source: str = ""
    """Hash of the method's code."""
    config: dict[str, Any]
    """Its hyperparameters."""
    tuning: Tuning
    lora: dict[str, Any] | None = None
    seed: int
    streams: dict[str, str] = Field(default_factory=dict)
    """Split to the hash of what the method may read of it."""


class AttackUse(Spec):
    """One attack with its settings."""

    name: str
    version: int = 1
    source: str = ""
    """Hash of the attack's code."""
    config: dict[str, Any] = Field(default_factory=dict)
    splits: dict[str, str] = Field(default_factory=dict)
    """Split to the hash of what the attack may read of it."""


class AttackSpec(Spec):
    """What decides the model that is evaluated; with no attack, the unlearned one."""

    unlearn: UnlearnSpec
    attacks: tuple[AttackUse, ...] = ()

    def run_id(self) -> str:
        """Return the id of a run: 16 hexadecimal digits."""
        values = {"identity_version": IDENTITY_VERSION, **self.model_dump(mode="json")}
        return digest_of(values)[:RUN_ID_LENGTH]


class ObserveSpec(Spec):
    """What decides the observations."""

    attacked: AttackSpec
    task: str
    task_version: int
    data_hash: str
    """Of all splits, as far as the run knows them."""
    limit: int | None = None
    """Examples of each split that are evaluated; None for all."""
    engine: str
    engine_options: dict[str, Any] = Field(default_factory=dict)
    """Those that can change what is generated."""
    max_new_tokens: int = 96
    suite: dict[str, Any] | None = None
    """The general knowledge that is asked for: tasks, versions, shots; None for none."""

    observers: dict[str, int] = Field(default_factory=dict)
    """By observer of the task's metrics: its version, where that is above 1."""

    def evaluation_id(self) -> str:
        """Return the hash by which a record lists its observations, 16 hexadecimal digits."""
        own = self.model_dump(mode="json", exclude={"attacked"})
        if not own["observers"]:
            del own["observers"]  # ids are as before there were versions
        return digest_of(own)[:RUN_ID_LENGTH]


class ScoreSpec(Spec):
    """What decides the numbers."""

    observe: ObserveSpec
    metrics: tuple[str, ...]
    bootstrap_seed: int = 0


class RuntimeFacts(Spec):
    """What a run was made with and does not depend on."""

    model: str
    model_revision: str | None = None
    data: str
    data_source: str
    device: str
    limit_train: int | None = None
    """Examples of each split that exist for this run at all; None for all."""
    engine_set: dict[str, Any] = Field(default_factory=dict)
    """The engine's options as the user gave them."""
    results: str
    attack_name: str = "none"
    """What the attacks are called together; their settings are the identity."""
    preset: str | None = None
    """The preset that the hyperparameters came from, if any, as `NAME (MODEL)`."""
    tuned: int | None = None
    """How many trials chose the hyperparameters, if tuning did."""
    save_weights: bool = False


def digest_of(value: Any) -> str:
    """Return the SHA-256 of a JSON value."""
    return hashlib.sha256(_ENCODER.encode(value).encode()).hexdigest()
