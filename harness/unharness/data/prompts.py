"""Instructions that may stand before an evaluated question."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from unharness.errors import UsageError, suggestion
from unharness.registry import Registry


@dataclass(frozen=True)
class Prompt:
    """An instruction, and what it is called."""

    name: str
    text: str
    """Empty for none."""


NO_PROMPT = Prompt("none", "")
BUILT_IN = {
    prompt.name: prompt
    for prompt in (
        NO_PROMPT,
        Prompt("assistant", "You are a helpful assistant. Answer the question as well as you can."),
    )
}


def known_prompts(registry: Registry) -> dict[str, Prompt]:
    """Return the prompts that have a name: plugins' ones, and above them the built-in ones."""
    brought = {key: Prompt(key, text) for key, text in registry.values("prompts").items()}
    return brought | BUILT_IN


def find_prompt(name: str, registry: Registry) -> Prompt:
    """Return a prompt by its name, built-in or a plugin's, or the one in a file.

    Raises:
        UsageError: neither a name nor a readable file, or the file is empty.
    """
    prompts = known_prompts(registry)
    if name in prompts:
        return prompts[name]
    path = Path(name).expanduser()
    if not path.is_file():
        hint = "" if path.suffix or "/" in name else suggestion(name, prompts)
        known = ", ".join([*BUILT_IN, *(key for key in prompts if key not in BUILT_IN)])
        raise UsageError(f"--prompt {name}: no such file, and no prompt's name ({known}).{hint}")
    try:
        text = path.read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--prompt {name}: cannot be read as UTF-8 text ({error})") from error
    if not text:
        raise UsageError(f"--prompt {name}: the file is empty; write the instruction into it")
    return Prompt(path.name, text)
