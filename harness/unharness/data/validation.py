"""A validation part of the splits that methods may read, to choose hyperparameters on."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from unharness.data.examples import Example, Split
from unharness.data.task_data import TaskData
from unharness.errors import DataError

Key = TypeVar("Key")
SHARE = 0.2
SEED = 0


@dataclass(frozen=True)
class QuestionKind:
    """What a question asks about, and how."""

    topic: str
    """A share of the examples of every topic is held out, where its forms allow it."""
    form: str
    """Within its topic, it is wholly held out or not at all."""


def validation_splits(
    data: TaskData,
    share: float = SHARE,
    seed: int = SEED,
    kind_of: Callable[[Example], QuestionKind] | None = None,
) -> TaskData:
    """Return the data with a share of the trainable examples in place of the evaluated ones.

    An evaluated split that methods may not read is left out: neither a target model, nor a
    method, nor a judgement sees its examples. In its place, and under its name, come examples
    held out from the trainable splits of its role. A split that is both trained on and evaluated
    stays as it is, and one of a role without trainable splits as well.

    Args:
        data: the task's.
        share: of each role's trainable examples, 0 to 1; at least one group or kind of each.
        seed: of the draw.
        kind_of: the kind of an example's question: whole kinds are held out, at most `share` of
            the examples of each topic. None: examples are held out group by group, at random.

    Raises:
        DataError: a role has fewer than two groups or kinds that could be parted; or the examples
            of its training splits cannot take the place of those of an evaluated one.
    """
    order = random.Random(seed)
    splits = dict(data.splits)
    for role in ("forget", "retain"):
        unseen = [split for split in data.evaluated(role) if not split.trainable]
        sources = [split for split in data.trainable(role) if not split.evaluated]
        if not unseen or not sources:
            continue
        for split in unseen:
            _check_replaceable(split, sources)
        rows = [_Row(split.name, row) for split in sources for row in split.examples]
        draw = _draw_kinds(rows, kind_of, share, order) if kind_of else _draw(rows, share, order)
        held_out = {row.key: row.example for row in draw}
        for split in sources:
            kept = [row for row in split.examples if (split.name, row.id) not in held_out]
            splits[split.name] = split.with_examples(kept)
        examples = list(held_out.values())
        for index, split in enumerate(unseen):
            own = examples[index :: len(unseen)]
            splits[split.name] = split.with_examples(own or examples[:1])
    what = "kinds of question" if kind_of else "examples"
    held = f"{share:.0%} of the training {what} for validation"
    description = f"{data.origin.description}; {held}"
    return TaskData(splits, replace(data.origin, description=description))


def _check_replaceable(split: Split, sources: Sequence[Split]) -> None:
    """Refuse a draw that would ask for what the target never learned, or in another form.

    Raises:
        DataError: no training split has examples like those of the evaluated one.
    """
    if any((one.kind, one.learned) == (split.kind, split.learned) for one in sources):
        return
    names = ", ".join(one.name for one in sources)
    learned = "learned" if split.learned else "not learned"
    raise DataError(
        f"{split.name} ({split.kind}, {learned}): nothing in {names} can take its place for "
        "tuning; the task needs validation_splits() of its own"
    )


@dataclass(frozen=True)
class _Row:
    split: str
    example: Example

    @property
    def key(self) -> tuple[str, str]:
        return self.split, self.example.id


def _draw(rows: list[_Row], share: float, order: random.Random) -> list[_Row]:
    """Return the rows of a share of the groups, drawn at random."""
    groups = _grouped(rows, lambda row: row.example.group or " ".join(row.key))
    if len(groups) < 2:
        raise DataError(f"{_names(rows)}: one example cannot be split; tuning needs two or more")
    keys = list(groups)
    order.shuffle(keys)
    chosen = keys[: max(1, int(len(keys) * share))]
    return [row for key in chosen for row in groups[key]]


def _draw_kinds(
    rows: list[_Row],
    kind_of: Callable[[Example], QuestionKind],
    share: float,
    order: random.Random,
) -> list[_Row]:
    """Return the rows of some kinds: of every topic, forms in random order as long as they fit.

    A form that is larger than its topic's share stays: the direct question that nearly all
    examples of a topic ask is trained on, and the rarer ones judge, as in evaluated splits.
    """
    kinds = _grouped(rows, lambda row: kind_of(row.example))
    if len(kinds) < 2:
        raise DataError(
            f"{_names(rows)}: all questions are of one kind; tuning needs two kinds or more"
        )
    chosen: list[_Row] = []
    for topic in sorted({kind.topic for kind in kinds}):
        forms = [kind for kind in kinds if kind.topic == topic]
        left = share * sum(len(kinds[kind]) for kind in forms)
        order.shuffle(forms)
        for kind in forms:
            if len(kinds[kind]) <= left:
                left -= len(kinds[kind])
                chosen += kinds[kind]
    order.shuffle(chosen)  # the first rows are a fair sample, where a limit takes those alone
    return chosen or min(kinds.values(), key=len)


def _grouped(rows: Iterable[_Row], key_of: Callable[[_Row], Key]) -> dict[Key, list[_Row]]:
    groups: dict[Key, list[_Row]] = {}
    for row in rows:
        groups.setdefault(key_of(row), []).append(row)
    return groups


def _names(rows: Iterable[_Row]) -> str:
    return ", ".join(dict.fromkeys(row.split for row in rows))
