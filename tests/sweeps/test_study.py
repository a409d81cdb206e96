import pytest

from unharness import MetricUse
from unharness.errors import PluginError, UsageError
from unharness.registry import registry
from unharness.request import RunRequest
from unharness.sweeps.final_runs import final_requests
from unharness.sweeps.grid import make_sweep_request
from unharness.sweeps.studies import make_studies
from unharness.sweeps.trial import Trial
from unharness.sweeps.tune import Effort
from unharness.sweeps.tuning import plan_tuning
from unharness.unlearning.method import LossMethod
from unharness.unlearning.search import Choice, FloatRange, search_space


def studies(*requests, objective="success_avg"):
    return make_studies(requests, objective, registry())


def tried(study, values):
    """Tell the study what its trials are worth; return what it suggested."""
    suggested = []
    for value in values:
        trial, settings = study.ask()
        suggested.append(settings)
        study.tell(trial, Trial(settings, "id", value, 1.0))
    return suggested


def test_suggestions_lie_in_the_space():
    (study,) = studies(RunRequest(method="memflex"))
    for settings in tried(study, range(12)):
        assert 3e-5 <= settings["lr"] <= 3e-2
        assert settings["epochs"] in range(1, 33)
        assert isinstance(settings["epochs"], int)
        assert 0.05 <= settings["retain_weight"] <= 100
        assert settings["mu"] in ("q0.25", "q0.5", "q0.75", "q0.9", 1.0)
        assert float(f"{settings['lr']:.3g}") == settings["lr"]


METHODS = ("memflex", "kl", "gradient-difference", "gradient-ascent", "random-labels", "kl-ood")
FIRST = 8
"""As many trials as the quasi-random start has."""


@pytest.fixture(scope="module")
def first_trials():
    """By method: the first suggestions, all found equally good."""
    found = make_studies([RunRequest(method=name) for name in METHODS], "success_avg", registry())
    return {study.request.method: tried(study, [50.0] * FIRST) for study in found}


@pytest.mark.parametrize("method", METHODS)
def test_the_first_trials_cover_every_range(first_trials, method):
    (study,) = studies(RunRequest(method=method))
    for name, place in study.space.items():
        if not isinstance(place, FloatRange):
            continue
        at = [place.place(settings[name]) for settings in first_trials[method]]
        eighths = {min(7, int(8 * where)) for where in at}
        # Whole numbers are too few at the low end of a log scale for one in each.
        assert len(eighths) == 8 if name != "epochs" else len(eighths) >= 5, (name, sorted(at))


def test_the_first_learning_rates_of_a_method_differ_by_orders_of_magnitude(first_trials):
    for trials in first_trials.values():
        rates = [settings["lr"] for settings in trials]
        assert max(rates) > 100 * min(rates)


def test_no_two_methods_try_the_same_learning_rates(first_trials):
    """As multiples of the first either: those of derived methods were the same once."""
    rates = {
        method: [settings["lr"] for settings in trials] for method, trials in first_trials.items()
    }
    ratios = {method: [one / found[0] for one in found] for method, found in rates.items()}
    for lists in (rates, ratios):
        several = [found[1:] for found in lists.values()]
        for at, one in enumerate(several):
            for other in several[at + 1 :]:
                assert one != pytest.approx(other, rel=0.01)


def test_the_defaults_are_given_to_no_study(first_trials):
    for method, trials in first_trials.items():
        (study,) = studies(RunRequest(method=method))
        assert dict(study.defaults) not in trials


def test_a_study_s_seed_is_that_of_its_method_task_model_and_the_user_s_seed():
    def seed(number=0, **changed):
        request = RunRequest(**{"method": "kl", **changed})
        (study,) = make_studies([request], "success_avg", registry(), number)
        return study.sampler_seed

    others = [seed(1), seed(method="memflex"), seed(task="knowundo-copyright"), seed(model="micro")]
    assert len({seed(), *others}) == 5
    assert seed() == seed()


def test_a_kind_of_hyperparameter_has_one_range_for_all_methods():
    spaces = [study.space for study in studies(*[RunRequest(method=name) for name in METHODS])]
    assert len({space["lr"] for space in spaces}) == 1
    assert len({space["epochs"] for space in spaces}) == 1
    weights = {space.get("retain_weight", space.get("kl_weight")) for space in spaces} - {None}
    (weight,) = weights
    # The published best values, which lay at the edges of their ranges, do not any more.
    assert weight.edge(7.05) is None
    assert spaces[0]["epochs"].edge(8) is None


def test_equal_outcomes_give_equal_suggestions():
    values = [3.0, 1.0, None, 8.0, 2.0, 9.0, 4.0, 7.0]
    one, other = (tried(*studies(RunRequest(method="kl")), values) for _ in range(2))
    assert one == other


def test_what_the_user_sets_is_not_tuned_and_what_has_no_space_is_left_out():
    found = studies(
        RunRequest(method="memflex", set={"mu": "q0.5"}, lr=1e-3),
        RunRequest(method="retrain"),
        RunRequest(method="vanilla"),
    )
    (study,) = found
    assert set(study.space) == {"epochs", "retain_weight", "sigma"}


def test_the_best_setting_is_run_over_the_seeds_and_counts_its_trials():
    requests = [RunRequest(method="kl", set={"batch_size": 8}), RunRequest(method="retrain")]
    (study,) = studies(*requests)
    suggested = tried(study, [1.0, 5.0, None, 5.0])
    assert study.best.settings == suggested[1]  # the earliest of equal ones
    final = final_requests(requests, [study], (0, 1))
    assert [(one.method, one.seed, one.tuned) for one in final] == [
        *(("kl", 0, 4), ("kl", 1, 4)),
        *(("retrain", 0, None), ("retrain", 1, None)),
    ]
    assert final[0].set == {"batch_size": 8, **suggested[1]}


def test_a_study_gives_up_after_failures_in_a_row_and_not_after_single_ones():
    (study,) = studies(RunRequest(method="kl"))
    tried(study, [None, None, None, None, 1.0, None, None, None, None])
    assert not study.gave_up
    tried(study, [None])
    assert study.gave_up
    assert study.best.value == 1.0


def test_where_lower_is_better_the_lowest_is_best():
    (study,) = studies(RunRequest(method="kl"), objective="unlearn_rouge_l")
    suggested = tried(study, [5.0, 2.0, 9.0])
    assert study.best.settings == suggested[1]


def test_effort_is_trials_or_time_and_never_less_than_one_trial():
    assert not Effort(trials=3).is_over(2, 999)
    assert Effort(trials=3).is_over(3, 0)
    assert not Effort(seconds=10).is_over(0, 99)
    assert Effort(seconds=10).is_over(1, 10)
    assert Effort(trials=3, seconds=10).is_over(3, 1)


def test_the_objective_is_by_default_closeness_to_the_retrained_model():
    tasks = ("knowundo-privacy", "knowundo-copyright")
    requests = [RunRequest(method="kl", task=task) for task in tasks]
    found = studies(*requests, objective=None)
    assert [one.objective.label for one in found] == ["closeness"] * 2
    assert all(one.objective.higher for one in found)
    assert found[0].objective.references == {"base", "target", "retrained"}
    (other,) = studies(requests[0], objective="unlearn_rouge_l")
    assert (other.objective.label, other.objective.higher) == ("unlearn_rouge_l", False)
    assert other.objective.references == frozenset()


def test_what_no_task_measures_cannot_be_the_objective():
    with pytest.raises(UsageError, match="does not measure .* Did you mean success_avg"):
        studies(RunRequest(), objective="succes_avg")


def test_a_space_names_hyperparameters_alone_and_derived_methods_add_theirs():
    class Mine(LossMethod):
        name, summary = "mine", "Mine."

        class Config(LossMethod.Config):
            strength: float = 1.0
            search = {"strength": FloatRange(0.5, 2)}

        def loss(self, model, batch):
            raise NotImplementedError

    assert list(search_space(Mine)) == ["lr", "epochs", "strength"]
    assert str(FloatRange(0.1, 10, log=True)) == "0.1 to 10 (log scale)"
    assert str(Choice(("a", "b"))) == "a, b"
    Mine.Config.search = {"strenght": FloatRange(0.5, 2)}
    with pytest.raises(PluginError, match="strenght"):
        search_space(Mine)
    Mine.Config.search = {"strength": "lose_weight"}
    with pytest.raises(PluginError, match="'lose_weight'; the kinds are learning_rate"):
        search_space(Mine)
    Mine.Config.search = {"lr": FloatRange(1e-3, 1e-2)}
    with pytest.raises(PluginError, match="'lr' is of the kind 'learning_rate', whose range"):
        search_space(Mine)


def test_what_should_match_the_retrained_model_cannot_be_tuned_for(monkeypatch):
    task = registry().get("tasks", RunRequest().task)
    uses = (
        *task.metrics,
        MetricUse("rouge_l", "forget_eval", label="match", direction="match_reference"),
    )
    monkeypatch.setattr(task, "metrics", uses)
    with pytest.raises(UsageError, match="tuning needs a metric of which more, or less, is better"):
        studies(RunRequest(), objective="match")


def tuning(**options):
    values = {"method": "kl,memflex", "seed": [0], "references": False, **options}
    return plan_tuning(
        make_sweep_request(values),
        registry(),
        trials=8,
        budget_minutes=None,
        objective="success_avg",
    )


def test_several_values_of_a_hyperparameter_are_the_ones_that_are_tried():
    given = {"epochs": 2, "kl.kl_weight": 1, "lr": [1e-4, 1e-3, 1e-2], "memflex.lr": [1, 1e-5]}
    kl, memflex = tuning(set=given).studies
    assert kl.space == {"lr": Choice((1e-4, 1e-3, 1e-2))}
    assert kl.request.set == {"epochs": 2, "kl_weight": 1}
    # A method's own values take the place of those for all, and what else it tunes has its range.
    assert memflex.space["lr"] == Choice((1, 1e-5))
    assert isinstance(memflex.space["retain_weight"], FloatRange)


def test_where_all_are_values_every_combination_is_tried_once():
    given = {"method": "kl", "set": {"epochs": [1, 2], "lr": [1e-4, 1e-3, 1e-2], "kl_weight": 1}}
    (study,) = tuning(**given).studies
    assert study.combinations == 6
    found = tried(study, range(6))
    assert len({(one["epochs"], one["lr"]) for one in found}) == 6
    assert tuning(**given).runs == 6 + study.finals.runs  # 8 trials were asked for
    (other,) = tuning(**given | {"seed": [1]}).studies
    assert tried(other, range(6)) != found


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"lr": [1e-4, -1]}, "lr"),
        ({"rate": [1e-4, 1e-3]}, "rate"),
        ({"lr": []}, "lists nothing"),
    ],
)
def test_values_that_may_not_be_are_refused_before_the_first_trial(given, problem):
    with pytest.raises(UsageError, match=problem):
        tuning(set=given)


def test_a_method_that_is_given_twice_is_refused():
    with pytest.raises(UsageError, match="each method, task and model once"):
        tuning(method="kl,kl")
