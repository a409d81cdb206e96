"""The logit lens: the reference's oracles, and three models at every depth."""

import numpy
import pytest
import torch

from unharness import Engine, Example, Observed, Split, final_norm
from unharness.evaluation.observer import ObserverContext
from unharness.models.weights import WeightsRef
from unharness.registry import registry
from unharness_metrics.logit_lens import LogitLens, LogitLensScore, lens_score

SPLIT = Split(
    "s",
    "forget",
    examples=(Example("0", "Who lives in Rome?", "Anna does."), Example("1", "Why?", "No.")),
)


@pytest.mark.parametrize(
    ("gold", "model", "wanted"),
    [
        ((0.02, 0.4, 1.0, 1.6), (0.01, 0.1, 0.6, 1.5), 0.733333),
        ((0.4, 1.0), (-0.1, 1.3), 0.714286),
        ((0.05, -1.0), (0.05, -1.0), None),
    ],
)
def test_oracles(gold, model, wanted):
    # reference/METRICS.md, section 12.
    found = lens_score(gold, model, 0.05)
    assert found is None if wanted is None else found == pytest.approx(wanted, abs=5e-7)


def test_examples_that_no_block_tells_apart_are_unscored(seen):
    arrays = {
        "target": numpy.array([[-1.0, -1.0], [-1.0, -1.0], [numpy.nan] * 2]),
        "own": numpy.array([[-1.0, -2.0], [-3.0, -3.0], [numpy.nan] * 2]),
        "retrained": numpy.array([[-2.0, -2.0], [-1.0, -1.0], [numpy.nan] * 2]),
    }
    given = seen({}, ids="abc", others={LogitLens(): Observed(arrays)})
    found = LogitLensScore().compute(given, {})
    assert found.per_example == {"forget": [50.0, None, None]}


class Silent(Engine):
    name = summary = "silent"

    def load(self, weights): ...

    def generate(self, prompts, sampling, on_done=None): ...

    def close(self): ...


@pytest.mark.parametrize("kind", ["llama", "gpt_neox"])
def test_the_last_block_reads_as_the_model_itself(load_checkpoint, kind):
    model, tokenizer = load_checkpoint(kind)
    gold, _ = load_checkpoint(kind)
    with torch.no_grad():
        final_norm(gold).weight.mul_(3.0)  # not read: the target's is
    models = {
        name: WeightsRef(one, tokenizer) for name, one in (("target", model), ("retrained", gold))
    }
    context = ObserverContext(
        WeightsRef(model, tokenizer), Silent(), 256, 7, reference_weights=models.get
    )
    observer = registry().get("observers", "logit_lens")()
    steps = []
    found = observer.observe(context, SPLIT, LogitLens(), lambda done, total: steps.append(done))
    assert steps == list(range(1, 7))
    rows = context.score(SPLIT, SPLIT.examples, lambda *_: None)
    nats = [sum(row.log_probs) / len(row.log_probs) for row in rows]
    assert found.arrays["own"][:, -1] == pytest.approx(nats, rel=1e-4)
    for name in ("target", "retrained"):
        assert found.arrays[name] == pytest.approx(found.arrays["own"], rel=1e-5)
    del models["retrained"]
    assert (
        "needs the retrained model"
        in observer.observe(context, SPLIT, LogitLens(), lambda *_: None).reason
    )
