"""Methods that are interrupted end with the weights and the report of an undisturbed training."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from unharness import LossMethod, UnlearnContext, sequence_nll
from unharness.registry import registry
from unharness.training import resumption
from unharness.training.kept_states import KeptStates
from unharness.unlearning.method_state import MethodState

EPOCHS = {"epochs": 2, "batch_size": 4, "lr": 3e-3}
STEPS = 4
KILLED = 3

# What each of them has that must not be lost.
CASES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a reference under an adapter": ("npo", "lora", {}),
    "a stored reference": ("kl", "full", {}),
    "a dual variable": ("pdu", "full", {"multiplier": 1.0}),
    "two passes": ("npo-sam", "lora", {}),
    "a mean of gradients": ("gru", "full", {"ema": 0.5}),
    "draws, wrapped": ("npo-sam", "full", {"base": "random-labels"}),
    "prepared guesses": ("adversarial", "lora", {}),
    "counts of a region": ("memflex", "full", {"localise": "every-step", "mu": "q0.5"}),
}


class Killed(Exception):
    """Stands for a process that ends without a word."""


@pytest.fixture(autouse=True)
def _every_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNHARNESS_CACHE", str(tmp_path))
    monkeypatch.setattr(resumption, "SECONDS", 0.0)


def _weights(work: UnlearnContext) -> str:
    digest = hashlib.sha256()
    for value in work.model.state_dict().values():
        digest.update(value.numpy().tobytes())
    return digest.hexdigest()


def _unlearn(found: type[LossMethod], values: dict[str, Any], work: UnlearnContext) -> list[int]:
    """Unlearn, and return which steps were taken."""
    taken: list[int] = []
    outer = work.on_step

    def on_step(step: int, total: int, losses: dict[str, float]) -> None:
        taken.append(step)
        if outer:
            outer(step, total, losses)

    work.on_step = on_step
    found(found.Config(**EPOCHS, **values)).unlearn(work)
    return taken


def _kill(step: int, total: int, values: dict[str, float]) -> None:
    if step == KILLED:
        raise Killed


@pytest.mark.parametrize("case", CASES)
def test_it_goes_on_where_it_was_killed(case: str, context: Callable[..., UnlearnContext]):
    name, tuning, values = CASES[case]
    method = registry().get("methods", name)
    whole = context(tuning, dropout=0.2)
    assert _unlearn(method, values, whole) == list(range(1, STEPS + 1))

    notes: list[str] = []
    killed, resumed = context(tuning, dropout=0.2), context(tuning, dropout=0.2)
    for work in (killed, resumed):
        work.kept_states = KeptStates("cd" * 32, notes.append)
    killed.on_step = _kill
    with pytest.raises(Killed):
        _unlearn(method, values, killed)
    assert _unlearn(method, values, resumed) == list(range(KILLED, STEPS + 1))
    assert notes == [f"resuming at step {KILLED - 1} of {STEPS}"]
    assert resumed.log.losses == whole.log.losses
    assert _weights(resumed) == _weights(whole)
    assert resumed.report == whole.report
    assert resumed.held_back == whole.held_back


class Counting(LossMethod):
    """Loss: the NLL, less and less of it."""

    name = "counting"
    summary = "Counts its steps."
    steps = 0

    def loss(self, model: Any, batch: Any) -> Any:
        return sequence_nll(model, batch["forget"]).mean() / (1 + self.steps)

    def after_step(self, model: Any) -> None:
        self.steps += 1


def test_a_method_that_changes_and_does_not_say_how_begins_anew(context: Any, tmp_path: Path):
    work, notes = context("lora"), []
    work.kept_states = KeptStates("cd" * 32, notes.append)
    work.on_step = _kill
    with pytest.raises(Killed):
        _unlearn(Counting, {}, work)
    [note] = notes
    assert "training_state()" in note
    assert not (tmp_path / "trainings").exists()


def test_silent_parts_are_looked_into_and_what_they_know_of_the_context(context: Any):
    work = context("lora")
    found = registry().get("methods", "gradient-ascent")
    method = found(found.Config())
    method.context = work
    state = MethodState(method, work)
    assert state.identity()
    assert state.save() == {}
    next(work.model.parameters()).data.add_(1)  # kept as weights
    assert state.save() == {}
    work.report["steps"] = 1
    assert state.save() is None
