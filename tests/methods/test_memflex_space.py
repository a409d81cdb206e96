"""MemFlex's search space reaches all tensors."""

from unharness import Choice
from unharness.registry import registry
from unharness.unlearning.search import search_space
from unharness_methods.localisation import TensorScore, choose_region


def test_one_choice_of_both_thresholds_is_every_tensor_with_a_gradient():
    method = registry().get("methods", "memflex")
    space = search_space(method)
    scores = [TensorScore(str(at), -1 + at / 5, 1e-9 * (at + 1), 4) for at in range(10)]
    sizes = set()
    for mu in space["mu"].values:
        for sigma in space["sigma"].values:
            config = method.Config(mu=mu, sigma=sigma)
            sizes.add(len(choose_region(scores, config.mu, config.sigma).names))
    assert isinstance(space["mu"], Choice)
    assert max(sizes) == len(scores)
    assert min(sizes) < len(scores) / 2
