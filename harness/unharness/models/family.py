"""Whether two names mean the same published model."""

from __future__ import annotations

from pathlib import PurePath


def same_model(name: str, published: str) -> bool:
    """Whether a hub id or a folder ends in a published model's name, upper and lower case alike.

    A revision behind the name does not count.

    `meta-llama/Llama-2-7b-chat-hf` and `./llama-2-7b-chat-hf/` are both `Llama-2-7b-chat-hf`.
    """
    return PurePath(name).name.partition("@")[0].casefold() == PurePath(published).name.casefold()
