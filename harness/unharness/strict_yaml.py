"""YAML as a user means it: no key twice, no depth or aliases that a few lines make endless."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

MOST_CHARACTERS = 50_000
MOST_DEPTH = 50
MOST_VALUES = 100_000
"""After every alias was replaced by what it stands for."""


class YamlError(ValueError):
    """A text is not YAML, or not YAML that can be meant; says why.

    Attributes:
        line: counted from 1; None where it is not known.
    """

    def __init__(self, problem: str, line: int | None = None) -> None:
        super().__init__(f"{problem} (line {line})" if line is not None else problem)
        self.problem = problem
        self.line = line


@dataclass(frozen=True)
class Document:
    """What a text says, and where its top-level keys stand."""

    value: Any
    lines: dict[str, int] = field(default_factory=dict)
    """By key, counted from 1."""


def load_yaml(text: str) -> Document:
    """Read one YAML document.

    Raises:
        YamlError: it is not YAML, a key stands twice in one mapping, or it is too long, too
            deep or too large with its aliases.
    """
    if len(text) > MOST_CHARACTERS:
        raise YamlError(f"longer than {MOST_CHARACTERS:,} characters")
    _refuse_brackets(text)
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return Document(None)
        _Checker().check(node)
        value = loader.construct_document(node)
    except YamlError:
        raise
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error)
        raise YamlError(str(problem), mark.line + 1 if mark else None) from error
    except (ValueError, OverflowError) as error:  # a date that is none, thousands of digits
        raise YamlError(str(error)) from error
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return Document(value, {str(key.value): key.start_mark.line + 1 for key, _ in pairs})


def _refuse_brackets(text: str) -> None:
    """Refuse what opens too often before it is scanned, which takes quadratic time."""
    depth = 0
    for bracket in re.finditer(r"[\[{\]}]", text):
        depth = depth + 1 if bracket[0] in "[{" else max(depth - 1, 0)
        if depth > MOST_DEPTH:
            raise _too_deep(text.count("\n", 0, bracket.start()) + 1)


def _too_deep(line: int) -> YamlError:
    return YamlError(f"deeper than {MOST_DEPTH} levels", line)


class _Loader(yaml.SafeLoader):
    """Stops at a depth, before recursion does."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose a node and what is in it."""
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise _too_deep(self.line + 1)
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


class _Checker:
    """Goes through a document's nodes, each once however many aliases stand for it."""

    def __init__(self) -> None:
        self._sizes: dict[int, int | None] = {}

    def check(self, node: yaml.Node) -> int:
        """Return how many values a node stands for.

        Raises:
            YamlError: too many, a key stands twice, or an alias stands within what it names.
        """
        known = self._sizes.get(id(node), 0)
        line = node.start_mark.line + 1
        if known is None:
            raise YamlError("an alias stands within what it names", line)
        if known:
            return known
        self._sizes[id(node)] = None
        parts = list(node.value) if isinstance(node, yaml.SequenceNode) else []
        if isinstance(node, yaml.MappingNode):
            self._refuse_repeats(node)
            parts = [part for pair in node.value for part in pair]
        size = 1 + sum(self.check(part) for part in parts)
        if size > MOST_VALUES:
            raise YamlError(f"its aliases stand for more than {MOST_VALUES:,} values", line)
        self._sizes[id(node)] = size
        return size

    def _refuse_repeats(self, node: yaml.MappingNode) -> None:
        seen: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            name, line = (key.tag, key.value), key.start_mark.line + 1
            if name in seen:
                first = f"first on line {seen[name]}"
                raise YamlError(f"the key {key.value!r} stands twice ({first})", line)
            seen[name] = line
