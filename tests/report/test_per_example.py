import numpy
import pytest

from unharness.errors import RecordError
from unharness.records.artifacts import write_per_example
from unharness.records.per_example import (
    NAME,
    SplitNumbers,
    example_key,
    from_bytes,
    group_indices,
    read_per_example,
    to_bytes,
)


def numbers(value=0.5):
    return {
        "forget": SplitNumbers(
            "forget",
            (example_key("a"), example_key("b"), example_key("c")),
            group_indices(["x", "", "x"]),
            {"accuracy": numpy.array([value, 1.0, numpy.nan])},
            {"known": numpy.array([0.25, 0.5, 0.75])},
        ),
        "empty": SplitNumbers("retain", (), group_indices([]), {}, {}),
    }


def test_what_is_written_is_read():
    found = from_bytes(to_bytes(numbers()))
    split = found["forget"]
    assert (split.role, split.examples) == ("forget", numbers()["forget"].examples)
    assert split.groups.tolist() == [0, 1, 0]
    numpy.testing.assert_array_equal(split.columns["accuracy"], [0.5, 1.0, numpy.nan])
    numpy.testing.assert_array_equal(split.answers["known"], [0.25, 0.5, 0.75])
    assert found["empty"].examples == ()


def test_equal_numbers_give_equal_bytes_and_no_text_is_in_them():
    assert to_bytes(numbers()) == to_bytes(numbers())
    assert to_bytes(numbers()) != to_bytes(numbers(0.75))
    assert b"x" not in numbers()["forget"].examples[0].encode()


def test_a_damaged_file_is_refused_in_one_line(tmp_path, make_record):
    record = make_record()
    with pytest.raises(RecordError, match="unharness score"):
        read_per_example(record, tmp_path)
    record.artifacts[NAME] = write_per_example(tmp_path, numbers())
    assert list(read_per_example(record, tmp_path)) == ["forget", "empty"]
    path = tmp_path / record.artifacts[NAME]["path"]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))
    with pytest.raises(RecordError, match="has changed"):
        read_per_example(record, tmp_path)


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04"])
def test_what_is_no_such_file_raises_what_the_reader_expects(content):
    from unharness.records.per_example import _UNREADABLE

    with pytest.raises(_UNREADABLE):
        from_bytes(content)
