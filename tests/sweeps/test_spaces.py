"""Best values at an edge of their range, and wider ranges."""

import pytest

from unharness.errors import UsageError
from unharness.registry import registry
from unharness.request import RunRequest
from unharness.sweeps.spaces import edges, make_space
from unharness.sweeps.studies import make_studies
from unharness.sweeps.trial import Trial
from unharness.unlearning.search import RANGES, Choice, FloatRange


def method(name="kl"):
    return registry().get("methods", name)


def study(name="kl", **options):
    (found,) = make_studies([RunRequest(method=name)], "success_avg", registry(), **options)
    return found


SPACE = {"lr": FloatRange(1e-4, 1e-2, log=True), "kl_weight": FloatRange(1, 101)}


@pytest.mark.parametrize(
    ("lr", "weight", "named"),
    [
        (1e-3, 50, []),
        (1e-4, 50, ["lr"]),
        (1.09e-4, 50, ["lr"]),  # within 2% of two decades
        (1.11e-4, 50, []),
        (1e-2, 99.5, ["lr", "kl_weight"]),
        (1e-3, 98.5, []),
    ],
)
def test_a_value_within_two_hundredths_of_a_range_lies_at_its_edge(lr, weight, named):
    found = edges(method(), SPACE, {"lr": lr, "kl_weight": weight})
    assert [edge.hyperparameter for edge in found] == named


def test_where_nothing_can_lie_beyond_there_is_no_edge_and_a_choice_has_none():
    space = {"epochs": FloatRange(1, 32, log=True), "mu": Choice(("q0.5", 1.0))}
    found = edges(method("memflex"), space, {"epochs": 1, "mu": 1.0})
    assert found == []
    (edge,) = edges(method("memflex"), space, {"epochs": 32, "mu": 1.0})
    assert str(edge) == (
        "the best epochs is 32, at the edge of its range (1 to 32); a better one may lie beyond: "
        "--widen epochs=4 tunes all methods over a wider range"
    )


def test_a_study_s_best_value_at_an_edge_is_found():
    found = study()
    trial, settings = found.ask()
    best = {**settings, "lr": 3e-2, "epochs": 3, "kl_weight": 7.05}
    trial.set_user_attr("settings", best)
    found.tell(trial, Trial(best, "id", 9.0, 1.0))
    edge_names = [(edge.hyperparameter, edge.widen) for edge in found.edges()]
    assert edge_names == [("lr", "learning_rate")]


def test_a_kind_is_widened_for_all_methods_as_far_as_it_may_be():
    widen = {"epochs": 4, "loss_weight": 10}
    spaces = [make_space(method(name), "", (), widen, {}) for name in ("kl", "gradient-difference")]
    assert spaces[0]["epochs"] == spaces[1]["epochs"] == FloatRange(1, 128, log=True)
    assert spaces[0]["kl_weight"] == spaces[1]["retain_weight"] == FloatRange(0.005, 1000, log=True)
    assert spaces[0]["lr"] == RANGES["learning_rate"]
    assert FloatRange(2, 4).widened(3) == FloatRange(0, 6)


@pytest.mark.parametrize(
    ("widen", "problem"),
    [
        ({"epoch": 4.0}, "Did you mean epochs"),
        ({"mu": 4.0}, "none of these methods has a range"),
        ({"epochs": 1.0}, "expected a factor above 1"),
        ({"epochs": float("nan")}, "expected a factor above 1"),
    ],
)
def test_what_cannot_be_widened_is_refused(widen, problem):
    with pytest.raises(UsageError, match=problem):
        study("memflex", widen=widen)
