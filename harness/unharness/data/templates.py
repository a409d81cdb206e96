"""Templates: how a question and its answer become one text for a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unharness.errors import ModelError, UsageError, suggestion

if TYPE_CHECKING:
    from unharness.data.examples import Example, Split

PLAIN, CHAT = "plain", "chat"
TEMPLATES = (PLAIN, CHAT)
SEPARATOR = "\n\n"
"""Between question and answer in the plain template (KnowUnDo, section 3)."""


def check_template(name: str) -> str:
    """Return the name of a template.

    Raises:
        UsageError: there is no such template.
    """
    if name not in TEMPLATES:
        raise UsageError(f"unknown template {name!r}.{suggestion(name, TEMPLATES)}")
    return name


def default_template(tokenizer: Any) -> str:
    """Return the model's own template: chat where its tokenizer has a chat template."""
    return CHAT if getattr(tokenizer, "chat_template", None) else PLAIN


def effective_template(split: Split, default: str) -> str:
    """Return a split's template, else the default; text and completions are always plain."""
    if split.kind in ("text", "completion"):
        return PLAIN
    return split.template or default


def prompt_text(prompt: str, template: str, tokenizer: Any) -> str:
    """Return what stands before the answer, ready for generation.

    Raises:
        ModelError: the chat template is asked for and the tokenizer has none.
    """
    if template == CHAT:
        return _chat([{"role": "user", "content": prompt}], tokenizer, generate=True)
    return prompt + SEPARATOR if prompt else ""


def full_text(example: Example, template: str, tokenizer: Any) -> tuple[str, str]:
    """Return the prompt as it counts for where scoring starts, and prompt with answer.

    In the plain template the separator is scored with the answer (KnowUnDo, section 3); in the
    chat template scoring starts with the answer itself.

    Raises:
        ModelError: as `prompt_text`, or the template does not continue its own prompt.
    """
    if template == CHAT:
        before = prompt_text(example.prompt, CHAT, tokenizer)
        return before, before + example.answer
    if not example.prompt:
        return "", example.answer
    return example.prompt, example.prompt + SEPARATOR + example.answer


def _chat(messages: list[dict[str, str]], tokenizer: Any, *, generate: bool) -> str:
    if not getattr(tokenizer, "chat_template", None):
        raise ModelError(
            "the tokenizer has no chat template; give --template plain, or a model that has one"
        )
    text: str = tokenizer.apply_chat_template(
        messages, tokenize=False, add_generation_prompt=generate
    )
    return text
