"""What is done in halves where memory does not suffice."""

import pytest
import torch

from unharness.training.device_memory import in_parts


def test_what_memory_does_not_hold_is_done_in_halves():
    done = []

    def work(rows):
        if len(rows) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried")
        done.append(list(rows))

    in_parts(work, range(8))
    assert done == [[0, 1], [2, 3], [4, 5], [6, 7]]


def test_one_row_that_does_not_fit_is_an_error():
    def work(rows):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried")

    with pytest.raises(torch.OutOfMemoryError):
        in_parts(work, range(4))
