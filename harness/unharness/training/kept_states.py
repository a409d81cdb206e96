"""States of trainings under way, in the cache: an interrupted training goes on from its last one.

Tensors are safetensors, the rest is JSON. A state is written whole or not at all, with a manifest,
and the one before it is removed only then.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unharness.cache import cache_dir, damage, fill_folder
from unharness.cache_limit import TRAININGS, make_room

if TYPE_CHECKING:
    from torch import Tensor

TENSORS_FILE = "state.safetensors"
VALUES_FILE = "state.json"
DIGITS = 8
"""Of a step in the name of its folder, so that names sort as numbers."""


@dataclass(frozen=True)
class TrainingState:
    """What a training needs to go on."""

    step: int
    """How many steps are done."""
    tensors: Mapping[str, Tensor]
    """By name, on the CPU."""
    values: Mapping[str, Any]
    """JSON values by name."""


@dataclass
class KeptState:
    """The place of one training's state. One process at a time uses it: the stage holds a lock."""

    folder: Path
    on_note: Callable[[str], None]

    def find(self) -> TrainingState | None:
        """Return the last state, None if there is none; a damaged one is named and removed."""
        from safetensors.torch import load_file

        for entry in reversed(self._entries()):
            found = damage(entry)
            if not found:
                try:
                    tensors = load_file(str(entry / TENSORS_FILE))
                    values = json.loads((entry / VALUES_FILE).read_text(encoding="utf-8"))
                    return TrainingState(int(entry.name), tensors, values)
                except (OSError, ValueError) as error:  # another process has just made room
                    found = str(error)
            self.on_note(f"{entry}: {found}; this state of an interrupted training is ignored")
            shutil.rmtree(entry, ignore_errors=True)
        return None

    def exists(self) -> bool:
        """Return whether there is a state, damaged or not."""
        return bool(self._entries())

    def keep(self, state: TrainingState) -> bool:
        """Write a state in the place of the one before; return whether the disk had room for it."""
        from safetensors.torch import save_file

        def build(scratch: Path) -> None:
            save_file(dict(state.tensors), str(scratch / TENSORS_FILE))
            (scratch / VALUES_FILE).write_text(json.dumps(dict(state.values)), encoding="utf-8")

        entry = self.folder / f"{state.step:0{DIGITS}}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(entry, ignore_errors=True)
            fill_folder(entry, build)
            for other in self.folder.iterdir():  # former states, and what a killed process left
                if other != entry:
                    shutil.rmtree(other, ignore_errors=True)
            make_room(keep=entry)
        except OSError as error:
            self.on_note(f"the state of the training is not kept ({error})")
            return False
        return True

    def remove(self) -> None:
        """Remove what is kept."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _entries(self) -> list[Path]:
        return sorted(self.folder.glob("[0-9]" * DIGITS))


@dataclass
class KeptStates:
    """The states of a stage's trainings, in their order, under the key of the stage's result."""

    key: str
    """A hexadecimal hash of everything that decides the result."""
    on_note: Callable[[str], None]
    _begun: int = field(default=0, init=False)

    def next(self) -> KeptState:
        """Return the place of the next training's state."""
        self._begun += 1
        return KeptState(_room() / f"{self.key}-{self._begun}", self.on_note)

    def clear(self) -> None:
        """Remove all of them: the stage's result is there, or is to be made anew."""
        for folder in _room().glob(f"{self.key}-*"):
            shutil.rmtree(folder, ignore_errors=True)


def _room() -> Path:
    return cache_dir() / TRAININGS
