"""Imports as if libraries that are optional to them were not installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import cast


@contextmanager
def hidden(*names: str) -> Iterator[None]:
    """Hide top-level libraries that nobody has imported yet from what is imported in the block.

    transformers and nltk import scikit-learn and SciPy wherever they are installed, for parts that
    a run does not need: a second of every process. Those parts stay without them; what is imported
    after the block has them.
    """
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update({name: cast(ModuleType, None) for name in absent})  # "cannot be imported"
    try:
        yield
    finally:
        for name in absent:
            sys.modules.pop(name, None)
