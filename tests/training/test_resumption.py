"""A training that is interrupted goes on where it stopped, and ends with the same weights."""

import hashlib
import json
import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from unharness.data.encoding import encode_examples
from unharness.data.examples import Example
from unharness.data.recipe import LoraSettings, TrainConfig
from unharness.models.lora import add_adapter
from unharness.training import resumption
from unharness.training.kept_states import KeptStates
from unharness.training.likelihood import sequence_nll
from unharness.training.log import TrainingLog
from unharness.training.loop import train
from unharness.training.resumption import LossState, Resumable
from unharness.training.steps import Step, fine_tune_steps

# Rates, clipping and decay differ from step to step: what is not restored is seen.
CONFIG = TrainConfig(
    epochs=2,
    lr=1e-3,
    batch_size=2,
    warmup_ratio=0.3,
    schedule="cosine",
    max_grad_norm=1.0,
    weight_decay=0.1,
)
STEPS = 8


class Killed(Exception):
    """Stands for a process that ends without a word."""


@pytest.fixture(autouse=True)
def _every_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNHARNESS_CACHE", str(tmp_path))
    monkeypatch.setattr(resumption, "SECONDS", 0.0)


@pytest.fixture
def steps(make_tokenizer: Callable[..., Any]) -> list[Step]:
    examples = [Example(str(n), f"question {n}?", f"answer {n} " * (1 + n % 3)) for n in range(8)]
    rows = encode_examples(make_tokenizer(begin=True), examples, 64, end_token=True)
    order = random.Random(0)
    return fine_tune_steps(
        rows, epochs=2, batch_size=2, micro_batch_size=1, pad_token_id=0, order=order
    )


class Work:
    """Trains equal models, some of which are killed."""

    def __init__(self, load: Callable[..., Any], steps: list[Step], tuning: str) -> None:
        self._load, self._steps, self._tuning = load, steps, tuning
        self.notes: list[str] = []
        self.states = KeptStates("ab" * 32, self.notes.append)

    def __call__(
        self, *, until: int = 99, error: type[BaseException] = Killed, **options: Any
    ) -> tuple[TrainingLog, str, list[int]]:
        """Return the log, a digest of the weights, and the steps that were taken."""
        model = self._load("llama")[0]
        if self._tuning == "lora":
            model = add_adapter(model, LoraSettings(dropout=0.2), seed=0)
        taken: list[int] = []

        def on_step(step: int, total: int, values: dict[str, float]) -> None:
            assert total == STEPS
            taken.append(step)
            if step == until:
                raise error

        options = {"resumable": self.place(), "seed": 3} | options
        with suppress(Killed):
            log = train(
                model,
                self._steps,
                lambda current, batch: sequence_nll(current, batch).mean(),
                CONFIG,
                on_step=on_step,
                **options,
            )
            digest = hashlib.sha256()
            for value in model.state_dict().values():
                digest.update(value.numpy().tobytes())
            digest.update(torch.get_rng_state().numpy().tobytes())
            return log, digest.hexdigest(), taken
        return TrainingLog(), "", taken

    def place(self, loss: LossState | None = None) -> Resumable:
        """Return the place of this training's state."""
        return Resumable(KeptStates(self.states.key, self.notes.append).next(), loss or LossState())


@pytest.fixture(params=["full", "lora"])
def work(request: Any, load_checkpoint: Callable[..., Any], steps: list[Step]) -> Work:
    return Work(load_checkpoint, steps, request.param)


@pytest.fixture
def full(load_checkpoint: Callable[..., Any], steps: list[Step]) -> Work:
    return Work(load_checkpoint, steps, "full")


def test_a_killed_training_ends_like_one_that_nobody_disturbed(work: Work):
    whole, weights, taken = work(resumable=None)
    assert taken == list(range(1, STEPS + 1))
    assert work(until=3)[2] == [1, 2, 3]  # killed before the state of step 3 was kept
    assert work(until=6)[2] == [3, 4, 5, 6]
    log, resumed, taken = work()
    assert taken == [6, 7, 8]
    assert resumed == weights
    assert log.losses == whole.losses
    assert log.update_norms == whole.update_norms
    assert (log.steps, log.examples, log.tokens) == (whole.steps, whole.examples, whole.tokens)
    assert log.resumed_at == [2, 5]
    assert 0 < log.seconds_before < log.seconds
    assert "resuming at step 5 of 8" in work.notes


def test_a_state_serves_an_equal_training_alone(full: Work):
    full(until=4)
    assert full(seed=4, until=1)[2] == [1]
    assert full.notes[-1].endswith("is of another one; ignored")
    assert full(until=1)[2] == [1]  # the other one's state has gone with it


def test_a_damaged_state_is_ignored_with_a_line(full: Work, tmp_path: Path):
    full(until=4)
    [file] = tmp_path.glob("trainings/*-1/*/state.safetensors")
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(bytes(content))
    assert full(until=1)[2] == [1]
    assert "has changed (SHA-256); this state of an interrupted" in full.notes[0]


def test_ctrl_c_keeps_the_state_and_says_where_the_next_run_goes_on(full: Work, tmp_path: Path):
    with pytest.raises(KeyboardInterrupt):
        full(until=5, error=KeyboardInterrupt)
    assert full.notes == ["the same command goes on from step 4 of 8"]
    [folder] = tmp_path.glob("trainings/*-1/*")  # no former states
    assert json.loads((folder / "state.json").read_text())["losses"]
    full.states.clear()
    assert list(tmp_path.glob("trainings/*")) == []


def test_a_short_training_writes_nothing(
    full: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(resumption, "SECONDS", 300.0)
    with pytest.raises(KeyboardInterrupt):
        full(until=5, error=KeyboardInterrupt)
    assert full.notes == []
    assert not (tmp_path / "trainings").exists()


def test_a_loss_whose_state_nobody_knows_is_not_kept(full: Work, tmp_path: Path):
    class Silent(LossState):
        def save(self) -> None:
            return None

    full(until=4, resumable=full.place(Silent()))
    assert not (tmp_path / "trainings").exists()
    [note] = full.notes
    assert "cannot be resumed" in note


def test_a_disk_without_room_does_not_stop_the_training(
    full: Work, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("unharness.training.kept_states.fill_folder", fail)
    assert full()[2] == list(range(1, STEPS + 1))
    assert len(full.notes) == 1
    assert "No space left" in full.notes[0]
