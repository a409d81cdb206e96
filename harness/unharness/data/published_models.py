"""Models that others published for a task: one that knows its facts, one that never did."""

from __future__ import annotations

from dataclasses import dataclass

PUBLISHED = "published"
"""As a user names them, in the place of an id."""


@dataclass(frozen=True)
class PublishedModels:
    """Weights on the hub that a task's authors, or others, trained on it for one base model."""

    target: str
    """Hub id, perhaps with `@REVISION`, of the model that knows everything."""
    retrained: str
    """The same of the model that never saw the forget set."""
