"""Observations on disk: the same numbers back, no pickle, and one line where a file is damaged."""

import io
import json
import random
import zipfile
from dataclasses import dataclass
from typing import ClassVar

import numpy
import pytest

from unharness import (
    Example,
    Generated,
    Generation,
    Likelihood,
    Observation,
    Observed,
    Split,
    TokenScores,
)
from unharness.errors import RecordError
from unharness.evaluation.scoring import Observations
from unharness.evaluation.storage import StoredObservations, write_observations


@dataclass(frozen=True)
class Layers(Observation):
    """A request of a plugin's own."""

    observer: ClassVar[str] = "layers"
    at: tuple[int, ...] = (1, 2)


def observations(count=5):
    draw = random.Random(0)

    def row(length):
        numbers = [
            tuple(float(numpy.float32(draw.gauss(-3, 2))) for _ in range(length)) for _ in range(3)
        ]
        hits = tuple(draw.random() > 0.5 for _ in range(length))
        return TokenScores(
            numbers[0], hits, *numbers[1:], "said\r\n", "Ünï 是 \u2028 x", length > 3
        )

    examples = tuple(
        Example(
            f"id {n}",
            "q\nr",
            "a",
            group="g",
            alternatives={"perturbed": ("x", "y")},
            choices=("a", "b"),
            gold=1,
            weight=2.5,
            meta={"level": n},
        )
        for n in range(count)
    )
    splits = {
        "odd ../name": Split(
            "odd ../name", "forget", "choice", False, examples=examples, generation=None
        ),
        "plain": Split("plain", "retain", examples=examples, generation=Generation(3, ("\n",))),
    }
    observed = {
        ("odd ../name", Likelihood()): Observed.of_tokens([[row(n)] for n in range(1, count + 1)]),
        ("plain", Likelihood(answers=("perturbed",))): Observed.of_tokens(
            [[row(2), None]] + [[]] * (count - 1)
        ),
        ("plain", Generated(samples=2)): Observed(texts={"samples": [["a", "b\u2029"]] * count}),
        ("plain", Layers()): Observed({"file": numpy.eye(count) / 3}, {"notes": [{"a": 1}]}),
    }
    return Observations(splits, observed, 3)


@pytest.fixture
def put(tmp_path):
    def write(found=None, name="o.zip"):
        path = tmp_path / name
        with path.open("wb") as handle:
            write_observations(found or observations(), handle)
        return path

    return write


def test_everything_comes_back_as_it_was(put):
    before = observations()
    stored = StoredObservations(put())
    after = stored.load([request for _, request in before.observed], 3)
    assert after.splits == before.splits
    assert list(after.observed) == list(before.observed)
    for key, one in before.observed.items():
        other = after.observed[key]
        assert {name: array.tolist() for name, array in other.arrays.items()} == {
            name: array.tolist() for name, array in one.arrays.items()
        }
        assert dict(other.texts) == {name: list(rows) for name, rows in one.texts.items()}
    [likelihood, perturbed] = [key for key in before.observed if isinstance(key[1], Likelihood)]
    for key in (likelihood, perturbed):  # to the last bit
        assert after.observed[key].tokens == before.observed[key].tokens


def test_what_was_not_asked_for_is_not_read_and_what_is_not_there_is_left_out(put):
    found = StoredObservations(put()).load([Likelihood(answers=("perturbed", "refusal"))], 0)
    assert list(found.observed) == [("plain", Likelihood(answers=("perturbed",)))]


def test_equal_observations_give_equal_bytes(put):
    assert put(name="one.zip").read_bytes() == put(name="two.zip").read_bytes()


def test_objects_are_refused_when_written_and_when_read(put):
    objects = Observed({"x": numpy.array([{}, 1], dtype=object)})
    bad = Observations(observations().splits, {("plain", Layers()): objects})
    with pytest.raises(ValueError, match="holds objects"):
        put(bad)
    path = put()
    buffer = io.BytesIO()
    numpy.savez(buffer, array_x=objects.arrays["x"])
    _replace(path, "observed-3.npz", buffer.getvalue())
    with pytest.raises(RecordError, match="cannot be read"):
        StoredObservations(path).load([Layers()], 0)


def _replace(path, member, content):
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, old in members.items():
            archive.writestr(name, content if name == member else old)


@pytest.mark.parametrize(
    ("member", "content"),
    [
        ("index.json", b"{}"),
        ("index.json", b"\xff"),
        ("index.json", json.dumps({"format": 9, "splits": [], "observed": []}).encode()),
        ("examples-0.jsonl", b'{"id": 1}\n'),
        ("examples-0.jsonl", b"[]\n"),
        ("observed-0.npz", b"PK"),
        ("observed-0.jsonl", b"7\n"),
    ],
)
def test_a_damaged_member_is_one_line_that_names_the_file(put, member, content):
    path = put()
    _replace(path, member, content)
    with pytest.raises(RecordError, match=r"o\.zip: the observations cannot be read") as caught:
        StoredObservations(path).load([Likelihood()], 0)
    assert "\n" not in str(caught.value)


def test_a_file_cut_short_or_missing_is_one_line(put, tmp_path):
    path = put()
    path.write_bytes(path.read_bytes()[:-30])
    for one in (path, tmp_path / "none.zip"):
        with pytest.raises(RecordError, match="cannot be read"):
            StoredObservations(one)
