"""The reference rows: records of models that every unlearned one is compared with.

Which method makes which of them is said by plugins, with the hook `unharness_reference_rows`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from unharness.errors import PluginError

if TYPE_CHECKING:
    from unharness.registry import Registry

ReferenceRow = Literal["base", "target", "retrained"]
"""`base`: the model before it learned the facts; `target`: the model that knows them all;
`retrained`: the model that never saw the forget set."""
REFERENCE_ROWS: tuple[ReferenceRow, ...] = get_args(ReferenceRow)
"""In the order in which they are shown."""
KIND = "reference_rows"
"""Of the registry's values."""


def method_of(row: ReferenceRow, registry: Registry) -> str:
    """Return the name of the method that makes a reference row.

    Raises:
        PluginError: no plugin says which.
    """
    method = registry.values(KIND).get(row)
    if method is None:
        raise PluginError(
            f"no plugin says which method makes the reference row {row!r} "
            "(hook unharness_reference_rows; 'unharness plugins' lists plugins that failed)"
        )
    return str(method)


def row_of(method: str, registry: Registry) -> ReferenceRow | None:
    """Return the reference row that a method makes; None for a method that makes none."""
    made = registry.values(KIND)
    return next((row for row in REFERENCE_ROWS if made.get(row) == method), None)
