"""Names of plugins that are taken where the user gives none."""

from __future__ import annotations

METHOD = "memflex"
TASK = "knowundo-privacy"
