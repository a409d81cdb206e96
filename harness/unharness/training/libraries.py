"""The libraries of a training: imported early, kept from the garbage collector, their threads."""

from __future__ import annotations

import atexit
import gc
import importlib
import sys
from functools import cache

from unharness.hidden_library import hidden


@cache
def freeze_libraries(*, adapters: bool) -> None:
    """Import what a training needs, and spare the garbage collector from walking through it.

    accelerate collects garbage twice a training: through all of torch and transformers, which is
    more than half of the time of a short one. For a process of our own, before it loads a model:
    what is alive now is never collected, so that of a user's own process would be kept.

    Args:
        adapters: whether PEFT is needed as well.
    """
    # Once imported, transformers has cached that SciPy is available and would fail without it.
    optional = () if "transformers" in sys.modules else ("sklearn", "scipy")
    with hidden(*optional):
        importlib.import_module("unharness.training.loop")
        importlib.import_module("unharness.training.denormals").start_threads()
        importlib.import_module("rouge_score.tokenizers")  # nltk: nearly every run scores texts
    if adapters:
        importlib.import_module("peft")
    gc.freeze()
    atexit.register(gc.unfreeze)  # libraries report what nobody collected as leaks
