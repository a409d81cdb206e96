"""Trainings take denormals for 0: saturated losses are full of them, and CPUs slow."""

import subprocess
import sys

import pytest
import torch

from unharness.training.denormals import DENORMAL, are_zero, denormals_as_zero


@pytest.fixture(autouse=True)
def supported():
    if not torch.set_flush_denormal(False):
        pytest.fail("this CPU cannot take denormals for 0")
    yield
    torch.set_flush_denormal(False)


def test_they_are_zero_within_the_block_alone():
    assert not are_zero()
    with denormals_as_zero():
        assert are_zero()
        with denormals_as_zero():
            assert are_zero()
        assert are_zero()
    assert not are_zero()


def test_a_mode_that_the_caller_has_chosen_stays():
    torch.set_flush_denormal(True)
    with denormals_as_zero():
        pass
    assert are_zero()


def test_an_error_leaves_the_mode_as_it_was():
    with pytest.raises(KeyError), denormals_as_zero():
        raise KeyError
    assert not are_zero()


THREADS = f"""
import warnings
warnings.simplefilter("error")
import torch
torch.set_num_threads(2)
from unharness.training.libraries import freeze_libraries
freeze_libraries(adapters=False)
from unharness.training.denormals import denormals_as_zero
small = torch.full((2**22,), {DENORMAL})
with denormals_as_zero():
    print((small * 1.0).count_nonzero().item())
"""


def test_threads_of_our_own_processes_do_so_too():
    found = subprocess.run(
        [sys.executable, "-c", THREADS], capture_output=True, text=True, check=True, timeout=120
    )
    assert found.stdout.split() == ["0"], found.stderr


NUMPY = """
import warnings
warnings.simplefilter("error")
from unharness.training.denormals import denormals_as_zero
with denormals_as_zero():
    import numpy
    smallest = numpy.finfo(numpy.float32).smallest_subnormal
print(smallest > 0)
"""


def test_numpy_still_knows_its_smallest_numbers():
    found = subprocess.run(
        [sys.executable, "-c", NUMPY], capture_output=True, text=True, check=True, timeout=120
    )
    assert found.stdout.split() == ["True"], found.stderr
