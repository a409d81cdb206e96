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

    transformers and nltk import scikit-learn and SciPy for parts that nobody here uses, wherever
    they are installed: a second of every process. Whoever imports them afterwards has them.
    """
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update({name: cast(ModuleType, None) for name in absent})  # "cannot be imported"
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
