"""Names the built-in attacks without importing them, so that a listing costs nothing."""

from __future__ import annotations

from unharness import Ref, hookimpl


@hookimpl
def unharness_attacks() -> list[Ref]:
    """Return the built-in attacks."""
    return [
        Ref(
            "unharness_attacks.prompt:PromptAttack",
            name="prompt",
            summary="Puts an instruction before every evaluated question.",
        ),
        Ref(
            "unharness_attacks.quantize:Quantize",
            name="quantize",
            summary="Rounds the weights to 4 or 8 bits.",
        ),
        Ref(
            "unharness_attacks.relearn:Relearn",
            name="relearn",
            summary="Fine-tunes the unlearned model briefly on a part of the forget set.",
        ),
    ]
