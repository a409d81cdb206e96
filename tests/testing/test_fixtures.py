"""The fixtures that plugins may use in tests of their own."""

import torch

from unharness.testing import FACTS, micro_weights

pytest_plugins = ["unharness.testing.fixtures"]


def test_the_target_is_a_copy_that_a_test_may_change(micro_target):
    with torch.no_grad():
        for value in micro_target.model.parameters():
            value.zero_()
    assert all(value.abs().max() > 0 for value in micro_weights().model.parameters())


def test_a_method_s_context_is_there_in_both_ways(micro_unlearning, request):
    trained = [n for n, value in micro_unlearning.model.named_parameters() if value.requires_grad]
    assert trained
    assert all("lora_" in name for name in trained) == ("lora" in request.node.name)
    assert set(micro_unlearning.splits.splits) <= set(FACTS.splits)


def test_an_attack_s_context_is_of_the_target(micro_attack, micro_target):
    pairs = zip(
        micro_attack.model.state_dict().values(),
        micro_target.model.state_dict().values(),
        strict=True,
    )
    assert all(torch.equal(one, other) for one, other in pairs)
