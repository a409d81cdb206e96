"""Imports without optional dependencies, even where these are installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import cast


@contextmanager
def hidden(*names: str) -> Iterator[None]:
    """Make libraries look uninstalled to imports in the block, unless they are already imported.

    transformers and nltk import scikit-learn and SciPy wherever they are installed, for features
    that a run does not need: a second of every process. Modules imported in the block stay without
    them; modules imported later can use them.
    """
    absent = [name for name in names if name not in sys.modules]
    sys.modules.update({name: cast(ModuleType, None) for name in absent})  # "cannot be imported"
    try:
        yield
    finally:
        for name in absent:
            sys.modules.pop(name, None)
