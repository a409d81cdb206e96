"""The evaluated examples of a record, a line for every example and metric."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from unharness.exports.eee.identity import SCHEMA, Identity
from unharness.exports.eee.scales import example_score, scale_of
from unharness.records.examples import ExampleRecord


def samples(identity: Identity, examples: list[ExampleRecord]) -> Iterator[dict[str, Any]]:
    """Yield every example under each metric that scored it.

    Args:
        identity: of the aggregate.
        examples: of the record, with their texts.
    """
    record = identity.record
    splits = record.data.splits if record.data else {}
    scales = {label: scale_of(record.metrics[label]) for label in identity.labels}
    for example in examples:
        content = {"raw": example.prompt, "reference": [example.answer]}
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        shared = {
            "schema_version": SCHEMA,
            "evaluation_id": identity.evaluation_id,
            "model_id": identity.model_id,
            "sample_id": f"{example.split}/{example.id}",
            "sample_hash": hashlib.sha256(text.encode()).hexdigest(),
            "interaction_type": "single_turn",
            "input": content,
            "output": {"raw": [] if example.generated is None else [example.generated]},
            "messages": None,
            "answer_attribution": _attribution(example),
            "metadata": {
                "split": example.split,
                "role": str(splits.get(example.split, {}).get("role", "")),
            },
        }
        for label, score in example.scores.items():
            if score is None or label not in scales:
                continue
            metric, scale = record.metrics[label], scales[label]
            value = example_score(score, metric, scale)
            best = scale.is_best(value, lower_is_better=metric.direction == "lower")
            yield shared | {
                "evaluation_name": identity.evaluation_name(label),
                "evaluation_result_id": label,
                "evaluation": {"score": value, "is_correct": best},
            }


def _attribution(example: ExampleRecord) -> list[dict[str, Any]]:
    if example.generated is None:
        return []
    return [
        {
            "turn_idx": 0,
            "source": "output.raw",
            "extracted_value": example.generated,
            "extraction_method": "the whole answer",
            "is_terminal": True,
        }
    ]
