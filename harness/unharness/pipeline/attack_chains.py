"""From `--attack` and `--prompt` to attacks with checked settings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from unharness import defaults
from unharness.attacks.attack import Attack
from unharness.checked import checked
from unharness.data.prompts import NO_PROMPT, Prompt, find_prompt
from unharness.data.task_data import TaskData
from unharness.named_settings import parse_named
from unharness.records.stage_specs import AttackUse, digest_of
from unharness.registry import Registry
from unharness.source_hash import source_hash

NONE = "none"
_PLUS = re.compile(r"(?<![0-9][eE])\+")  # not the sign within 1e+5


@dataclass(frozen=True)
class AttackChain:
    """Attacks on one model, in their order; none for the unlearned model as it is."""

    name: str = NONE
    """What rows call it."""
    attacks: tuple[Attack, ...] = ()
    uses: tuple[AttackUse, ...] = ()
    """The same, as the spec holds it."""

    @property
    def changes_weights(self) -> bool:
        """Whether any of them does."""
        return any(attack.changes_weights for attack in self.attacks)

    def key(self) -> str:
        """Return the hash of the attacks and their settings."""
        return digest_of([use.model_dump(mode="json") for use in self.uses])

    def __add__(self, other: AttackChain) -> AttackChain:
        names = [one.name for one in (self, other) if one.attacks]
        name = " + ".join(names) or NONE
        return AttackChain(name, self.attacks + other.attacks, self.uses + other.uses)


def attack_chains(
    attacks: Sequence[str], prompts: Sequence[str], data: TaskData, registry: Registry
) -> tuple[AttackChain, ...]:
    """Return every chain that a request asks for: each attack under each prompt.

    Args:
        attacks: as after `--attack`.
        prompts: as after `--prompt`.
        data: what attacks may read.
        registry: knows attacks and prompts.

    Raises:
        UsageError: an attack is unknown, or a setting is unknown or out of bounds; or a prompt is
            neither a name nor a readable file.
    """
    asked = [_of_prompt(find_prompt(name, registry), data, registry) for name in prompts]
    chains = [_parsed(text, data, registry) + prompt for text in attacks for prompt in asked]
    found: dict[str, AttackChain] = {}
    for chain in chains:
        found.setdefault(chain.key(), chain)
    return tuple(found.values())


def _of_prompt(prompt: Prompt, data: TaskData, registry: Registry) -> AttackChain:
    if prompt == NO_PROMPT:
        return AttackChain()
    return _chain(prompt.name, defaults.PROMPT_ATTACK, {"text": prompt.text}, data, registry)


def _parsed(text: str, data: TaskData, registry: Registry) -> AttackChain:
    if text == NONE:
        return AttackChain()
    chain = AttackChain()
    for part in _PLUS.split(text):
        name, given = parse_named(part, "--attack")
        label = ",".join(f"{key}={value}" for key, value in given.items())
        called = f"{name}:{label}" if label else name
        chain += _chain(called, name, given, data, registry)
    return chain


def _chain(
    called: str, name: str, settings: dict[str, Any], data: TaskData, registry: Registry
) -> AttackChain:
    """Return a chain of one attack."""
    attack_class: type[Attack] = registry.get("attacks", name)
    config = checked(f"attack {name!r}", attack_class.Config, settings)
    use = AttackUse(
        name=name,
        version=attack_class.version,
        source=source_hash(attack_class),
        config=config.model_dump(mode="json"),
        splits={
            split.name: split.content_hash()
            for split in data.splits.values()
            if split.role in attack_class.reads
        },
    )
    return AttackChain(called, (attack_class(config),), (use,))
