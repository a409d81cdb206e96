"""A run under bfloat16 autocast, on a CPU."""

import pytest

from unharness import load_records


@pytest.mark.slow
def test_a_run_in_bf16_says_so(main_here, tmp_path):
    words = ["run", "--method", "kl", "--model", "micro", "--data", "standin", "--epochs", "1"]
    words += ["--engine", "hf", "--suite", "none", "--precision", "bfloat16"]
    words += ["--target-set", "epochs=2", "--limit", "2"]  # CPUs are slow at bfloat16
    status, _, told = main_here(*words, "--results", str(tmp_path))
    assert status == 0, told
    [record] = [one for one in load_records(tmp_path) if one.spec.method == "kl"]
    assert record.spec.dtype == "float32, bfloat16 autocast"
    assert record.metrics["unlearn_success"].value is not None


@pytest.mark.slow
@pytest.mark.parametrize("method", ["memflex", "rmu", "npo-sam"])
def test_under_an_adapter_the_weights_are_bfloat16_as_well(method, main_here, checkpoint, tmp_path):
    words = ["run", "--method", method, "--model", str(checkpoint("llama")), "--data", "standin"]
    words += ["--engine", "hf", "--suite", "none", "--precision", "bfloat16", "--limit", "4"]
    words += ["--target-set", "epochs=2", "--target-set", "batch_size=4", "--epochs", "1"]
    status, _, told = main_here(*words, "--results", str(tmp_path))
    assert status == 0, told
    [record] = [one for one in load_records(tmp_path) if one.spec.method == method]
    assert record.spec.dtype == "bfloat16, bfloat16 autocast"
    assert record.metrics["unlearn_success"].value is not None


def test_a_precision_that_there_is_not(main_here):
    status, _, told = main_here("run", "--precision", "float16")
    assert status == 2
    assert "bfloat16" in told
