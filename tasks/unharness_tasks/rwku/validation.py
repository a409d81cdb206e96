"""Splits that tuning works with: other persons are forgotten than those of the evaluation."""

from __future__ import annotations

from dataclasses import replace

from unharness import DataError, TaskData
from unharness_tasks.rwku.rows import MEASURED, TUNING


def rwku_validation(data: TaskData) -> TaskData:
    """Return the data with other persons in the place of those to forget.

    They are the first of those whose passages a method may read to keep; the others' passages
    stay. No probe of the evaluation, and no passage on its persons, is used.

    Raises:
        DataError: there are too few other persons.
    """
    hidden = {name: split for name, split in data.splits.items() if name.startswith(TUNING)}
    persons = {
        example.meta["subject"]
        for split in hidden.values()
        for example in split.examples
        if "subject" in example.meta
    }
    retain = data.splits.get("retain")
    if retain is None or not persons:
        raise DataError("tuning forgets other persons, and there are none; give others=2 or more")
    splits = {
        "forget": data.splits["forget"].with_examples(
            row for row in retain.examples if row.meta["subject"] in persons
        ),
        "retain": retain.with_examples(
            row for row in retain.examples if row.meta["subject"] not in persons
        ),
    }
    for split in MEASURED:
        if found := hidden.get(f"{TUNING}{split.name}"):
            splits[split.name] = split.with_examples(found.examples)
    what = f"{len(persons)} other persons in place of those to forget, for validation"
    return TaskData(splits, replace(data.origin, description=f"{data.origin.description}; {what}"))
