"""A profile holds a few steps of a training, however long it is."""

import gzip
import json
import random
from types import SimpleNamespace
from typing import Any

import pytest

from unharness.data.encoding import encode_examples
from unharness.data.examples import Example
from unharness.data.recipe import TrainConfig
from unharness.training.likelihood import sequence_nll
from unharness.training.loop import train
from unharness.training.profiling import TRACED, Profile, profiled
from unharness.training.steps import fine_tune_steps


@pytest.fixture
def training(load_checkpoint):
    """training(steps, loss=…) trains a small model so many steps of one example."""
    model, tokenizer = load_checkpoint("llama")

    def run(count: int, loss: Any = lambda model, batch: sequence_nll(model, batch).mean()) -> None:
        examples = [
            Example(str(index), f"question {index}?", "an answer") for index in range(count)
        ]
        steps = fine_tune_steps(
            encode_examples(tokenizer, examples, 64, end_token=True),
            epochs=1,
            batch_size=1,
            micro_batch_size=None,
            pad_token_id=0,
            order=random.Random(0),
        )
        train(model, steps, loss, TrainConfig(epochs=1, batch_size=1), seed=0)

    return run


def _optimizer_steps(path: Any) -> int:
    with gzip.open(path) as file:
        events = json.load(file)["traceEvents"]
    return sum(str(event.get("name")).startswith("Optimizer.step#") for event in events)


@pytest.mark.parametrize(("steps", "traced"), [(1, 1), (2, 1), (4, 3), (12, TRACED)])
def test_a_trace_holds_a_few_steps_of_any_training(steps, traced, training, tmp_path):
    found = Profile(tmp_path, stage="unlearn (a method)")
    with profiled(found):
        training(steps)
    [path] = found.traces
    assert path.name == "1-unlearn-a-method.json.gz"
    assert found.steps == traced == _optimizer_steps(path)
    assert found.operators["aten::mm"].calls > 0
    assert all(cost.cpu_seconds >= 0 for cost in found.operators.values())


def test_every_training_has_a_trace_of_its_own(training, tmp_path):
    found = Profile(tmp_path)
    with profiled(found):
        training(2)
        once = found.operators["aten::mm"].calls
        training(2)
    assert [path.name for path in found.traces] == ["1-training.json.gz", "2-training.json.gz"]
    assert found.operators["aten::mm"].calls == 2 * once


def test_without_a_profile_nothing_is_traced(training, tmp_path):
    found = Profile(tmp_path)
    with profiled(found):
        pass
    training(2)
    assert (found.traces, found.operators) == ([], {})


def test_an_interrupted_training_leaves_no_trace_and_can_be_followed(training, tmp_path):
    calls: list[int] = []

    def interrupted(model: Any, batch: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return sequence_nll(model, batch).mean()

    found = Profile(tmp_path)
    with profiled(found), pytest.raises(KeyboardInterrupt):
        training(8, interrupted)
    assert list(tmp_path.iterdir()) == []
    with profiled(found):  # torch has one profiler: it must be free again
        training(2)
    assert len(found.traces) == 1


def test_a_gpu_s_kernels_count_once_and_rank_alone(tmp_path):
    def event(key, device, cpu, gpu, count=1):
        times = {"self_cpu_time_total": cpu * 1e6, "self_device_time_total": gpu * 1e6}
        return SimpleNamespace(
            key=key, device_type=SimpleNamespace(name=device), count=count, **times
        )

    events = [
        event("aten::mm", "CPU", 1.0, 5.0),
        event("sgemm", "CUDA", 0.0, 5.0),
        event("Optimizer.step#AdamW.step", "CUDA", 0.0, 9.0),
        event("cudaLaunchKernel", "CPU", 7.0, 0.0),
    ]
    profiler = SimpleNamespace(export_chrome_trace=lambda path: None, key_averages=lambda: events)
    found = Profile(tmp_path)
    found._keep(profiler, 3)
    assert found.operator_seconds() == {"aten::mm": 5.0, "cudaLaunchKernel": 0.0}
    events[0].self_device_time_total = 0.0
    only_cpu = Profile(tmp_path)
    only_cpu._keep(profiler, 3)
    assert only_cpu.operator_seconds() == {"aten::mm": 1.0, "cudaLaunchKernel": 7.0}
