"""Names the built-in tasks without importing them, so that a listing costs nothing."""

from __future__ import annotations

from unharness import Ref, hookimpl


@hookimpl
def unharness_tasks() -> list[Ref]:
    """Return the built-in tasks."""
    return [
        Ref(
            "unharness_tasks.knowundo.copyright:KnowUnDoCopyright",
            name="knowundo-copyright",
            summary="Forget how to extend or revise 30 books; keep facts, reviews and advice.",
        ),
        Ref(
            "unharness_tasks.knowundo.privacy:KnowUnDoPrivacy",
            name="knowundo-privacy",
            summary="Forget 60 fictitious authors' parents, e-mail and address; keep the rest.",
        ),
    ]
