"""A run that is interrupted in any of its trainings ends like one that nobody disturbed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from unharness import run
from unharness.progress import Progress, Stage
from unharness.records.record import RunRecord
from unharness.training import resumption

pytestmark = pytest.mark.slow

STAGES = ("train target", "unlearn", "attack")
AT = 3
"""The step after which each of them is interrupted."""


class Interrupting(Progress):
    """Is Ctrl-C in a training of a stage."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.notes: list[str] = []
        self.steps: dict[str, list[int]] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        taken = self.steps.setdefault(name.partition(" (")[0], [])
        own = bool(self._name) and name.startswith(self._name)

        class Counting(Stage):
            def step(self, done: int, total: int, values: dict[str, float] | None = None) -> None:
                taken.append(done)
                if own and done == AT:
                    raise KeyboardInterrupt

        yield Counting()

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture
def attacked(tmp_path: Path, data_folder: Path, monkeypatch: pytest.MonkeyPatch):
    """attacked("folder", progress) -> the record of a run there; its cache lies there too."""

    def call(folder: str, progress: Progress) -> RunRecord:
        monkeypatch.setenv("UNHARNESS_CACHE", str(tmp_path / folder / "cache"))
        return run(
            "npo",
            model="micro",
            data=str(data_folder),
            suite="none",
            results=str(tmp_path / folder),
            attack="relearn:epochs=3,batch_size=2,share=0.5",
            limit_train=8,
            limit=2,
            max_new_tokens=4,
            target_set={"epochs": 2, "batch_size": 4},
            epochs=2,
            batch_size=4,
            progress=progress,
        )

    return call


def test_every_training_of_a_run_goes_on_where_it_was_interrupted(attacked, tmp_path, monkeypatch):
    whole_progress = Interrupting("")
    whole = attacked("whole", whole_progress)
    monkeypatch.setattr(resumption, "SECONDS", 0.0)
    for stage in STAGES:
        progress = Interrupting(stage)
        with pytest.raises(KeyboardInterrupt):
            attacked("interrupted", progress)
        assert "the same command goes on from step 2 of" in progress.notes[-1]
        assert list((tmp_path / "interrupted" / "cache").glob("trainings/*-1/00000002"))
    progress = Interrupting("")
    record = attacked("interrupted", progress)
    assert progress.steps["attack"] == whole_progress.steps["attack"][AT - 1 :]
    assert record.run_id == whole.run_id
    assert record.metrics == whole.metrics
    assert record.target is not None
    assert record.training is not None
    assert record.target.training["resumed_at"] == [2]
    pairs = [(record.training, whole.training), (record.attacks[0], whole.attacks[0])]
    for found, expected in pairs:
        assert found.resumed_at == [2]
        assert found.weights_hash == expected.weights_hash
        assert found.steps == expected.steps
    assert record.training.losses == whole.training.losses
    assert record.training.update_norms == whole.training.update_norms
    assert record.warnings == whole.warnings
    assert not list((tmp_path / "interrupted" / "cache").glob("trainings/*"))  # they are over
