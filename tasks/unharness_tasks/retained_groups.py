"""Splits that tuning works with, where the forget set is evaluated on what was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from random import Random

from unharness import DataError, TaskData
from unharness_tasks.draws import shuffled

SHARE = 0.5
"""Of the retained groups, at most, that are forgotten in tuning."""
SEED = 0


def forget_retained_groups(data: TaskData, retained: Mapping[str, str]) -> TaskData:
    """Return the data with retained groups in the place of those to forget.

    As many groups are forgotten as in the evaluation, up to half of the retained ones; the others
    stay. The evaluated forget set is not used at all, so that no hyperparameter is chosen by it.

    Args:
        data: the task's.
        retained: by split to forget: the retained split of the same kind, whose examples take its
            place. Groups may have examples in several splits; an example without a group is one.

    Raises:
        DataError: there are fewer than two retained groups.
    """
    keep = [data.splits[name] for name in retained.values()]
    groups = list(dict.fromkeys(row.group or row.id for split in keep for row in split.examples))
    if len(groups) < 2:
        raise DataError(
            f"{', '.join(retained.values())}: one group of examples cannot be split; tuning needs "
            "two or more"
        )
    forget = [data.splits[name] for name in retained]
    wanted = len({row.group or row.id for split in forget for row in split.examples})
    count = max(1, min(wanted, int(len(groups) * SHARE)))
    chosen = set(shuffled(Random(SEED), groups)[:count])
    splits = dict(data.splits)
    for name, other in retained.items():
        rows = data.splits[other].examples
        splits[name] = data.splits[name].with_examples(
            row for row in rows if (row.group or row.id) in chosen
        )
        splits[other] = data.splits[other].with_examples(
            row for row in rows if (row.group or row.id) not in chosen
        )
    what = f"{count} retained groups in place of the forget set for validation"
    origin = replace(data.origin, description=f"{data.origin.description}; {what}")
    # A kind of example that none of the groups has is left out.
    return TaskData({name: one for name, one in splits.items() if one.examples}, origin)
