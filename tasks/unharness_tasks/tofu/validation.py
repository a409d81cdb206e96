"""Splits that tuning works with: other authors are forgotten than those of the evaluation."""

from __future__ import annotations

from dataclasses import replace

from unharness import TaskData


def tofu_validation(data: TaskData) -> TaskData:
    """Return the data with retained authors in the place of those to forget.

    Wrong answers, which most metrics need, exist for the first 400 rows of the retain set. Of
    their authors up to half are forgotten, as many as in the evaluation if there are enough; the
    retain set is evaluated on the others. Neither the evaluated forget set nor the rows of the
    retain set that stand for it here are kept elsewhere. The evaluation's retain rows are all in
    the retain set, which TOFU trains on: tuning cannot leave them out, but no hyperparameter is
    chosen by the forget set that counts.
    """
    forget, retain, evaluated = (data.splits[name] for name in ("forget", "retain", "retain_eval"))
    authors = list(dict.fromkeys(row.group for row in evaluated.examples))
    count = min(len({row.group for row in forget.examples}), len(authors) // 2)
    chosen = set(authors[-count:])
    splits = dict(data.splits)
    splits["forget"] = forget.with_examples(
        row for row in evaluated.examples if row.group in chosen
    )
    for split in (retain, evaluated):
        splits[split.name] = split.with_examples(
            row for row in split.examples if row.group not in chosen
        )
    what = f"{count} retained authors in place of the forget set for validation"
    origin = replace(data.origin, description=f"{data.origin.description}; {what}")
    return TaskData(splits, origin)
