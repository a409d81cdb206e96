"""How often the model is asked: one teacher-forced pass serves every likelihood metric."""

from collections import Counter

import pytest

from unharness.data.sources import DataSource
from unharness.engines.engine import Engine
from unharness.evaluation.columns import resolve_columns
from unharness.evaluation.observe import observe
from unharness.evaluation.observer import ObserverContext
from unharness.evaluation.scoring import score
from unharness.models.weights import WeightsRef
from unharness.registry import registry
from unharness_tasks.knowundo.privacy import KnowUnDoPrivacy

COUNT = 40  # more than one batch


class Mute(Engine):
    """Says the same of everything, without asking the model."""

    name = "mute"
    summary = "s"

    def load(self, weights):
        pass

    def generate(self, prompts, sampling, on_done=None):
        return ["some words that answer nothing"] * len(prompts)

    def close(self):
        pass


@pytest.fixture
def seen(load_checkpoint, data_folder):
    """By first tokens: how often each example went through the model, under all metrics."""
    model, tokenizer = load_checkpoint("llama")
    data = KnowUnDoPrivacy().load(DataSource(str(data_folder))).limited(COUNT)
    columns = resolve_columns(
        KnowUnDoPrivacy.metrics, {one.name: one for one in data.evaluated()}, registry()
    )
    found = Counter()
    forward = model.forward

    def counting(*args, **kwargs):
        rows = kwargs["input_ids"] * kwargs["attention_mask"]
        found.update(tuple(row) for row in rows.tolist())
        return forward(*args, **kwargs)

    model.forward = counting
    observations = observe(
        ObserverContext(WeightsRef(model, tokenizer), Mute(), max_length=256, max_new_tokens=96),
        data,
        columns,
        registry(),
        bootstrap_seed=0,
    )
    scores = score(columns, observations, registry())
    without = {label: found.reason for label, found in scores.items() if found.value is None}
    assert len(scores) - len(without) > 9
    assert all("needs the retrained model" in reason for reason in without.values())
    return found


def test_every_evaluated_example_goes_through_once(seen):
    # The forget and the retain evaluation set, and nothing of the training halves.
    assert sum(seen.values()) == 2 * COUNT
    assert set(seen.values()) == {1}
