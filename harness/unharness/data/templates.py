"""Templates: how a question and its answer become one text for a model."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from unharness.errors import ModelError, UsageError, suggestion

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from unharness.data.examples import Split

PLAIN, CHAT, RAW = "plain", "chat", "raw"
"""Question, blank line, answer; the tokenizer's own; nothing in between, for texts."""
TEMPLATES = (PLAIN, CHAT)
"""What questions can be asked in."""
DATE = date(2025, 4, 10)
"""What chat templates that name the day are told, so that prompts are the same every day: the date
of published logs."""
SEPARATOR = "\n\n"
"""Between question and answer in the plain template."""


def check_template(name: str) -> str:
    """Return the name of a template.

    Raises:
        UsageError: there is no such template.
    """
    if name not in TEMPLATES:
        raise UsageError(f"unknown template {name!r}.{suggestion(name, TEMPLATES)}")
    return name


def default_template(tokenizer: PreTrainedTokenizerBase) -> str:
    """Return the model's own template: chat where its tokenizer has a chat template."""
    return CHAT if getattr(tokenizer, "chat_template", None) else PLAIN


def effective_template(split: Split, default: str) -> str:
    """Return a split's template, else the default; text and completions are always raw."""
    if split.kind in ("text", "completion"):
        return RAW
    return split.template or default


def prompt_text(prompt: str, template: str, tokenizer: PreTrainedTokenizerBase) -> str:
    """Return what stands before the answer, ready for generation.

    Raises:
        ModelError: the chat template is asked for and the tokenizer has none.
    """
    if template == CHAT:
        if not getattr(tokenizer, "chat_template", None):
            raise ModelError(
                "the tokenizer has no chat template; give --template plain, or a model that has one"
            )
        text: str = tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt}],
            tokenize=False,
            add_generation_prompt=True,
            date_string=DATE.strftime("%d %b %Y"),
            strftime_now=DATE.strftime,
        )
        return text
    return prompt + separator(template) if prompt else ""


def separator(template: str) -> str:
    """Return what stands between prompt and answer in the plain and the raw template."""
    return "" if template == RAW else SEPARATOR
