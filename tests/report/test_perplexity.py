"""Perplexities over seeds are averaged as nats; their exponential is shown."""

import json
import math
from pathlib import Path

import pytest

from unharness.records.spec import EvaluationSettings
from unharness.records.stage_specs import AttackUse
from unharness.records.store import RecordStore
from unharness.report.build import build_board
from unharness.report.formats import to_json, to_markdown
from unharness.report.ranking import best_rows

PUBLISHED = Path(__file__).resolve().parents[2] / "results" / "published"
T4 = 2.776445
"""Student's t for 95% of five seeds."""


def rows_of(store):
    return json.loads(to_json(build_board(store)))


def test_one_collapsed_seed_does_not_outweigh_the_others(make_record, save):
    values = [10.0, 12.0, 11.0, 9.0, 1e14]
    store = save(
        *(make_record(metrics={"unlearn_ppl": v}, seed=seed) for seed, v in enumerate(values))
    )
    [row] = rows_of(store)
    nats = [math.log(value) for value in values]
    mean = sum(nats) / 5
    half = T4 * math.sqrt(sum((x - mean) ** 2 for x in nats) / 4 / 5)
    found = row["metrics"]["unlearn_ppl"]
    assert found["value"] == pytest.approx(math.exp(mean))
    assert found["ci95"] == pytest.approx([math.exp(mean - half), math.exp(mean + half)], rel=1e-5)
    assert found["ci95"][0] > 0


def test_the_unit_decides_not_the_name(make_record, save):
    """Any metric whose unit is perplexity is averaged so, and no other."""
    records = [make_record(metrics={"own": value}, seed=s) for s, value in enumerate([1.0, 100.0])]
    assert rows_of(save(*records))[0]["metrics"]["own"]["value"] == pytest.approx(50.5)
    for record in records:
        record.metrics["own"].unit = "perplexity"
    assert rows_of(save(*records))[0]["metrics"]["own"]["value"] == pytest.approx(10.0)


@pytest.mark.parametrize(
    ("values", "value"), [((1e304, 1e304), 1e304), ((1.0, 1e304), 1e152), ((3.0, 0.0), None)]
)
def test_extremes_stay_finite(make_record, save, values, value):
    records = [make_record(metrics={"unlearn_ppl": v}, seed=s) for s, v in enumerate(values)]
    found = rows_of(save(*records))[0]["metrics"]["unlearn_ppl"]
    assert found["value"] == (value if value is None else pytest.approx(value, rel=1e-6))
    assert all(0 <= end <= 1.1e304 for end in found["ci95"] or ())


def test_published_perplexities_are_positive_and_near_their_seeds():
    store = RecordStore(PUBLISHED)
    own = {item.record.run_id: item.record.metrics for item in store.readable()}
    rows = [row for row in rows_of(store) if "unlearn_ppl" in row["metrics"]]
    assert len(rows) >= 20
    for row in rows:
        for name in ("unlearn_ppl", "retention_ppl"):
            found = row["metrics"][name]
            values = [own[run][name].value for run in row["runs"]]
            assert min(values) <= found["value"] <= max(values)
            assert 0 < found["ci95"][0] <= found["value"] <= found["ci95"][1]


def test_a_prompts_change_is_a_factor(make_record, save):
    def made(value, seed, **prompt):
        text = prompt.get("text", "")
        return make_record(
            metrics={"retention_ppl": value},
            seed=seed,
            attack_name="own" if text else "none",
            attacks=(AttackUse(name="prompt", config={"text": text}),) if text else (),
            evaluation=EvaluationSettings(metrics=("retention_ppl",), engine="hf"),
        )

    plain, prompted = {0: 2.0, 1: 10.0}, {0: 4.0, 1: 80.0}
    board = build_board(
        save(
            *(made(value, seed) for seed, value in plain.items()),
            *(made(value, seed, text="Hm?") for seed, value in prompted.items()),
        )
    )
    [row] = json.loads(to_json(board))
    change = row["prompts"]["own"]["changes"]["retention_ppl"]
    assert change["value"] == pytest.approx(4.0)  # the geometric mean of 2 and 8
    assert change["kind"] == "factor"
    half = 12.7062 * math.log(8 / 4)
    assert change["ci95"] == pytest.approx([4 * math.exp(-half), 4 * math.exp(half)], rel=1e-3)
    assert "4.47 → 17.9 (×4.00 [" in to_markdown(board)


def test_a_lower_perplexity_is_told_from_a_higher_by_its_nats(make_record, save):
    """A factor of 2 in every seed, which raw differences would lose beside the last one's."""
    levels = [3.0, 30.0, 3e9]
    store = save(
        *(make_record("a", {"retention_ppl": x}, seed=s) for s, x in enumerate(levels)),
        *(
            make_record("b", {"retention_ppl": x * (2.0 + s / 100)}, seed=s)
            for s, x in enumerate(levels)
        ),
    )
    [group] = build_board(store).groups
    [column] = group.columns
    assert {group.rows[index].method for index in best_rows(group.rows, column)} == {"a"}
