"""Task arithmetic: a worked example, on numbers and on a model's weights."""

import pytest
import torch

from unharness import FineTuneConfig
from unharness.models.trained import TrainedModel
from unharness_methods.task_vector import TaskVector, negation


def test_a_worked_example():
    own, other = negation(0.5)
    assert own * 1.0 + other * 1.4 == pytest.approx(0.8)


@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_the_change_of_a_training_on_the_forget_set_is_subtracted(context, tuning):
    work, asked = context(tuning), []

    def tuner(start, splits, recipe):
        """Train a second target: the one in hand stays as it is."""
        asked.append((start, [split.name for split in splits], recipe))
        other = context(tuning)
        state = other.fine_tune(other.state(), splits, recipe)
        other.load_state(state)
        return TrainedModel(other.model, other.tokenizer, cached=False, log={})

    work.tuner, work.target_recipe = tuner, FineTuneConfig(lr=1e-3, batch_size=4)
    whole = work.combine_states([(work.state(), 1.0)])
    TaskVector(TaskVector.Config(scale=0.5, epochs=1)).unlearn(work)
    [(start, names, recipe)] = asked
    assert (start, names) == ("target", ["secret"])
    assert (recipe.epochs, recipe.lr) == (1, 1e-3)
    made = work.model.state_dict()
    # Half of the way back: target − made is half of tuned − target.
    tuned = context(tuning)
    state = tuned.fine_tune(tuned.state(), tuned.trainable("forget"), recipe)
    after = tuned.combine_states([(state, 1.0)])
    name = next(name for name in whole if name.endswith("layers.0.mlp.down_proj.weight"))
    step = after[name] - whole[name]
    assert step.abs().max() > 0
    torch.testing.assert_close(whole[name] - made[name], 0.5 * step, atol=1e-6, rtol=1e-3)
