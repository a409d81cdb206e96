"""The suites find what is wrong with a plugin: one fault each, and the check that must find it."""

import random

import pytest
import torch
from pydantic import Field

from unharness import (
    Attack,
    DataOrigin,
    Example,
    FineTuneConfig,
    Likelihood,
    LossMethod,
    Metric,
    MetricUse,
    Score,
    Split,
    Stream,
    Task,
    TaskData,
    sequence_log_ratios,
)
from unharness.engines.hf import HfEngine
from unharness.testing import (
    AttackConformance,
    EngineConformance,
    MethodConformance,
    MetricConformance,
    Oracle,
    TaskConformance,
    seen_answers,
)


class Sound(LossMethod):
    """A preference loss with nothing wrong."""

    name = "sound"
    summary = "Log-ratios to the reference are pushed down."

    def streams(self):
        return {"forget": Stream("forget", reference={"log_probs"})}

    def loss(self, model, batch):
        return sequence_log_ratios(model, batch, "forget").sigmoid().mean()


class NotFinite(Sound):
    def loss(self, model, batch):
        return super().loss(model, batch) * float("nan")


class Thaws(Sound):
    """Lets parameters have gradients that it did not select."""

    def select_parameters(self, context):
        names = [name for name, one in context.model.named_parameters() if one.requires_grad]
        return [name for name in names if ".layers.1." in name]

    def loss(self, model, batch):
        for value in model.parameters():
            value.requires_grad_(True)
        return super().loss(model, batch)


class Sums(Sound):
    def loss(self, model, batch):
        return super().loss(model, batch) * batch["forget"].size


class Draws(Sound):
    """Draws from what no seed decides."""

    def prepare(self, context):
        self.scale = random.SystemRandom().random()

    def loss(self, model, batch):
        return self.scale * super().loss(model, batch)


class DefaultOutOfBounds(Sound):
    class Config(LossMethod.Config):
        strength: float = Field(2.0, le=1.0)


class Unchecked(Sound):
    class Config(LossMethod.Config):
        model_config = {"extra": "ignore"}


class MovesTheTarget(Sound):
    """Changes weights before the reference is taken."""

    def prepare(self, context):
        with torch.no_grad():
            for value in context.model.parameters():
                if value.requires_grad:
                    value.mul_(0.9)


class LeavesAHook(Sound):
    """Changes what the model says by something that no file of weights holds."""

    def unlearn(self, context):
        super().unlearn(context)
        context.model.get_output_embeddings().register_forward_hook(
            lambda module, inputs, output: output * 0.5
        )


METHODS = {
    NotFinite: {"test_loss_is_finite"},
    Thaws: {"test_gradients_only_where_they_should_be"},
    Sums: {"test_loss_is_a_mean_over_examples"},
    Draws: {"test_equal_seeds_give_equal_weights"},
    DefaultOutOfBounds: {"test_settings_round_trip"},
    Unchecked: {"test_settings_are_checked"},
    MovesTheTarget: {"test_the_reference_stays"},
    LeavesAHook: {"test_saved_weights_are_the_model"},
}


@pytest.mark.parametrize("method", METHODS, ids=lambda one: one.__name__)
def test_a_faulty_method(method, failed_checks):
    suite = type("Suite", (MethodConformance,), {"plugin": method})
    assert failed_checks(suite) == METHODS[method]


TOWNS = ("Ibsk", "Venn", "Dorrow", "Stell", "Orrin", "Pell")


class SoundTask(Task):
    """Two sets of questions."""

    name = "sound-task"
    summary = "Invented towns."
    headline = "kept"
    metrics = (
        MetricUse("token_accuracy", "forget"),
        MetricUse("token_accuracy", "retain", label="kept"),
    )

    def rows(self, role):
        first = 0 if role == "forget" else 3
        for at, town in enumerate(TOWNS[first : first + 3]):
            yield Example(f"{role}/{at}", f"What is town {first + at} called?", f"{town}.")

    def load(self, source):
        splits = [
            Split(role, role, examples=tuple(self.rows(role))) for role in ("forget", "retain")
        ]
        return TaskData.of(splits, DataOrigin("standin", "invented towns"))

    def target_recipe(self, model):
        return FineTuneConfig(epochs=2)


class AsksAgain(SoundTask):
    """A question of the forget set is in the retain set, with another answer."""

    def rows(self, role):
        yield from super().rows(role)
        if role == "retain":
            yield Example("retain/9", "what is  town 1 called?", "I cannot say.")


class Unstable(SoundTask):
    """Its order is another one each time."""

    loads = 0

    def load(self, source):
        type(self).loads += 1
        return super().load(source)

    def rows(self, role):
        yield from list(super().rows(role))[:: -1 if self.loads % 2 else 1]


class NoHeadline(SoundTask):
    headline = "mean"


class TunesOnTheEvaluation(SoundTask):
    def load(self, source):
        data = super().load(source)
        asked = Split(
            "asked",
            "forget",
            learned=False,
            trainable=False,
            examples=(Example("asked/0", "Name town 0.", "Ibsk."),),
        )
        return data.joined(asked)

    def validation_splits(self, data):
        return data


TASKS = {
    AsksAgain: {"test_what_is_kept_is_not_what_is_forgotten"},
    Unstable: {"test_hashes_are_stable"},
    NoHeadline: {"test_metrics_fit_the_splits"},
    TunesOnTheEvaluation: {"test_tuning_does_not_see_the_evaluation"},
}


@pytest.mark.parametrize("task", TASKS, ids=lambda one: one.__name__)
def test_a_faulty_task(task, failed_checks):
    suite = type("Suite", (TaskConformance,), {"plugin": task, "other_process": False})
    assert failed_checks(suite) == TASKS[task]


class SoundMetric(Metric):
    """Mean probability of answers."""

    name = "sound-metric"
    summary = "Mean log-probability of an answer's tokens."
    unit = "nats"
    direction = "higher"

    def observes(self):
        return Likelihood()

    def numbers(self, seen):
        for [row] in seen.likelihood():
            yield None if row is None else sum(row.log_probs) / len(row.log_probs)

    def compute(self, seen, references):
        return seen.mean(list(self.numbers(seen)))


class FirstCounts(SoundMetric):
    """The first example counts twice."""

    def compute(self, seen, references):
        first, *others = self.numbers(seen)
        return seen.mean([2 * first, *others], then=lambda mean: mean)


class WrongInterval(SoundMetric):
    def compute(self, seen, references):
        found = super().compute(seen, references)
        return Score(found.value, found.n, ci95=(found.value + 1, found.value + 2))


class WrongFormula(SoundMetric):
    """Sums where the mean is meant."""

    def numbers(self, seen):
        for [row] in seen.likelihood():
            yield None if row is None else sum(row.log_probs)


METRICS = {
    FirstCounts: {"test_the_order_of_examples_does_not_count"},
    WrongInterval: {"test_values_and_intervals_are_sane"},
    WrongFormula: {"test_known_answers"},
}
KNOWN = (Oracle(seen_answers([[-1.0, -2.0], [-3.0, -3.0]]), -2.25),)


@pytest.mark.parametrize("metric", METRICS, ids=lambda one: one.__name__)
def test_a_faulty_metric(metric, failed_checks):
    # The order of one example is not in question where the formula is.
    known = () if metric is FirstCounts else KNOWN
    suite = type("Suite", (MetricConformance,), {"plugin": metric, "oracles": known})
    assert failed_checks(suite) == METRICS[metric]


class SoundAttack(Attack):
    """Teaches the forget set again, briefly."""

    name = "sound-attack"
    summary = "Two steps on the forget set."
    reads = frozenset({"forget"})

    class Config(Attack.Config):
        seed: int = Field(0, ge=0)

    def chosen(self, context):
        return self.config.seed

    def apply(self, context):
        recipe = FineTuneConfig(epochs=1, batch_size=3, lr=1e-3)
        made = context.fine_tune(
            context.state(), context.trainable("forget"), recipe, seed=self.chosen(context)
        )
        context.load_state(made)


class SeedOfTheRun(SoundAttack):
    """Its batches are those of the run's seed, so that no two models meet the same."""

    def chosen(self, context):
        return context.seed


class SaysNothingChanges(SoundAttack):
    changes_weights = False


ATTACKS = {
    SeedOfTheRun: {"test_every_model_gets_the_same_batches"},
    SaysNothingChanges: {"test_it_changes_weights_as_it_says"},
}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda one: one.__name__)
def test_a_faulty_attack(attack, failed_checks):
    suite = type("Suite", (AttackConformance,), {"plugin": attack})
    assert failed_checks(suite) == ATTACKS[attack]


class InAnotherOrder(HfEngine):
    """Returns the texts longest prompt first."""

    def generate(self, prompts, sampling, on_done=None):
        return super().generate(sorted(prompts, key=len, reverse=True), sampling, on_done)


class KeepsTheFirst(HfEngine):
    """Goes on with the weights that it was given first."""

    def load(self, weights):
        if self._weights is None:
            super().load(weights)


ENGINES = {
    InAnotherOrder: {"test_greedy_texts_equal_those_of_hf"},
    KeepsTheFirst: {"test_it_answers_with_the_weights_loaded_last"},
}


@pytest.mark.parametrize("engine", ENGINES, ids=lambda one: one.__name__)
def test_a_faulty_engine(engine, failed_checks):
    suite = type("Suite", (EngineConformance,), {"plugin": engine})
    assert failed_checks(suite) == ENGINES[engine]


SOUND = [
    (MethodConformance, {"plugin": Sound}),
    (TaskConformance, {"plugin": SoundTask, "other_process": False}),
    (MetricConformance, {"plugin": SoundMetric, "oracles": KNOWN}),
    (AttackConformance, {"plugin": SoundAttack}),
]


@pytest.mark.parametrize(("suite", "members"), SOUND, ids=lambda one: getattr(one, "__name__", ""))
def test_nothing_is_found_where_nothing_is_wrong(suite, members, failed_checks):
    assert failed_checks(type("Suite", (suite,), members)) == set()


def test_there_are_twelve_faults_at_least():
    assert sum(map(len, (METHODS, TASKS, METRICS, ATTACKS, ENGINES))) >= 12
