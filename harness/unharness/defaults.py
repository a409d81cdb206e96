"""What is taken where the user says nothing. Imports nothing, so that `--help` costs nothing."""

from __future__ import annotations

METHOD = "memflex"
TASK = "knowundo-privacy"
PROMPT_ATTACK = "prompt"
"""The attack that `--prompt` uses."""
RESULTS = "results"
RESULTS_VARIABLE = "UNHARNESS_RESULTS"
"""The environment variable that names another folder of records."""
