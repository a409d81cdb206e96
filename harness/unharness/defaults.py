"""What is taken where the user says nothing, and what the examples of help pages name.

The one module of the core that may name what plugins bring. Imports nothing, so that `--help` costs
nothing.
"""

from __future__ import annotations

METHOD = "memflex"
TASK = "knowundo-privacy"
FILES_TASK = "files"
"""The task that a file of facts in a task's place is for."""
AUTO_ENGINE = "auto"
"""Leaves the engine to unharness."""
PROMPT_ATTACK = "prompt"
"""The attack that `--prompt` uses."""
# Named in examples alone.
SECOND_METHOD = "kl"
THIRD_METHOD = "gradient-difference"
GENERAL_TEXT_METHOD = "kl-ood"
COLUMNS = ("unlearn_success", "retention_success")
RESULTS = "results"
RESULTS_VARIABLE = "UNHARNESS_RESULTS"
"""The environment variable that names another folder of records."""
