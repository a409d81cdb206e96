"""Joining the other processes of a training."""

import os

import accelerate
import pytest

from unharness.errors import UsageError
from unharness.training import ranks


def test_accelerate_sees_fsdp_while_it_chooses_backends_and_no_longer(monkeypatch):
    seen = []

    def state(**options):
        seen.append((os.environ.get(ranks.FSDP), options["cpu"]))

    monkeypatch.setattr(accelerate, "PartialState", state)
    monkeypatch.setattr(ranks, "_sharded", False)
    monkeypatch.setenv(ranks.FSDP, "true")
    ranks.join("cpu")
    # With parts on the CPU it adds gloo to nccl; later it would wrap the model itself.
    assert seen == [("true", True)]
    assert ranks.FSDP not in os.environ
    assert ranks.is_sharded()


def test_what_is_not_supported_is_refused(monkeypatch):
    monkeypatch.setenv("ACCELERATE_USE_DEEPSPEED", "true")
    with pytest.raises(UsageError, match="DeepSpeed is not supported"):
        ranks.join("cpu")
