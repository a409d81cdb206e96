"""RWKU's files, where they are on the hub, and how their rows become examples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from unharness import (
    DataLayout,
    DataPart,
    DataRow,
    Example,
    Generation,
    HubRows,
    Role,
    Split,
    StandIn,
)
from unharness_tasks.copies import content, once, weighted
from unharness_tasks.rwku.persons import chosen_persons
from unharness_tasks.rwku.probes import probe_example, text_example
from unharness_tasks.rwku.standin import SEED, VERSION, rwku_standin

PROBE = ("subject", "level", "query", "type", "answer")
TEXT = ("subject", "text")
PARTS: Mapping[str, tuple[str, str, tuple[str, ...], int]] = {
    "intro": ("forget_target", "train", ("intro", "target"), 200),
    "forget_level1": ("forget_level1", "test", PROBE, 3268),
    "forget_level2": ("forget_level2", "test", PROBE, 2879),
    "forget_level3": ("forget_level3", "test", PROBE, 6984),
    "neighbor_level1": ("neighbor_level1", "test", (*PROBE, "neighbor"), 5846),
    "neighbor_level2": ("neighbor_level2", "test", (*PROBE, "neighbor"), 5533),
    "forget_mia": ("mia_forget", "test", TEXT, 6198),
    "retain_mia": ("mia_retain", "test", TEXT, 7487),
    "fluency": ("utility_fluency", "test", ("instruction", "subject"), 10_000),
    "passage": ("train_original_passage", "train", TEXT, 12_798),
}
"""By file: the hub's configuration and split, what a row has, and how many there are."""
SHORT = Generation(max_new_tokens=30, stops=("\n",))
LONG = Generation(max_new_tokens=256)
ENOUGH_PERSONS = 20
"""From so many on, persons are drawn when intervals are estimated, and else their questions."""


def _probes(name: str, role: Role) -> Split:
    return Split(name, role, learned=False, trainable=False, generation=SHORT)


def _texts(name: str, role: Role, *, trainable: bool) -> Split:
    return Split(
        name,
        role,
        kind="text",
        learned=False,
        trainable=trainable,
        evaluated=not trainable,
        generation=None,
    )


FORGET = ("forget_level1", "forget_level2", "forget_level3")
NEIGHBOURS = ("neighbor_level1", "neighbor_level2")
MEASURED = (
    *(_probes(name, "forget") for name in FORGET),
    *(_probes(name, "retain") for name in NEIGHBOURS),
    _texts("forget_mia", "forget", trainable=False),
    # Not drawn as `forget_mia` is: texts on other persons, which models know as well or badly.
    _texts("retain_mia", "holdout", trainable=False),
    Split("fluency", "utility", learned=False, trainable=False, generation=LONG),
)
TUNING = "tuning_"
"""Before the name of a split that takes the place of another one in tuning, and is not used else:
the same of persons who are not to be forgotten."""
SPLITS = (
    _texts("forget", "forget", trainable=True),
    _texts("retain", "retain", trainable=True),
    *MEASURED,
    *(
        replace(split, name=f"{TUNING}{split.name}", role="utility", evaluated=False)
        for split in MEASURED
    ),
)


def rwku_layout(subjects: Sequence[str], others: int) -> DataLayout:
    """Return where RWKU's data is looked for.

    Args:
        subjects: who is to be forgotten: names or numbers.
        others: of how many further persons passages may be read to keep what is known of them.
    """
    return DataLayout(
        splits=SPLITS,
        folder="rwku",
        parts={
            name: DataPart(f"{name}.json", HubRows(config, split), keys, count)
            for name, (config, split, keys, count) in PARTS.items()
        },
        repository="jinzhuoran/RWKU",
        examples=lambda rows: rwku_examples(rows, subjects, others),
        standin=StandIn(
            make=rwku_standin,
            description=f"bundled stand-in, generator version {VERSION}, seed {SEED}",
        ),
    )


def rwku_examples(
    rows: Mapping[str, Sequence[DataRow]], subjects: Sequence[str], others: int
) -> dict[str, list[Example]]:
    """Return the examples of every split.

    Raises:
        UsageError: RWKU has no such person.
        DataError: a row is not as expected.
    """
    known = [row.text("target") for row in rows["intro"]]
    chosen = chosen_persons(subjects, known)
    start = known.index(chosen[-1]) + 1
    rest = [name for name in (*known[start:], *known[:start]) if name not in chosen][:others]
    of = _by_person(rows)
    forget = once(text_example(row, "passage", "") for row in of("passage", chosen))
    read = {example.answer.strip() for example in forget}
    retain = once(text_example(row, "passage", "") for row in of("passage", rest))
    found = {
        "forget": forget,
        "retain": [row for row in retain if row.answer.strip() not in read],
        **_measured(of, chosen),
    }
    in_tuning = rest[: min(len(chosen), len(rest) // 2)]
    found |= {f"{TUNING}{name}": own for name, own in _measured(of, in_tuning).items()}
    return {name: own for name, own in found.items() if own}


def _by_person(rows: Mapping[str, Sequence[DataRow]]) -> Callable[..., list[DataRow]]:
    def of(part: str, persons: Iterable[str]) -> list[DataRow]:
        wanted = set(persons)
        return [row for row in rows[part] if row.text("subject") in wanted]

    return of


def _measured(of: Callable[..., list[DataRow]], persons: Sequence[str]) -> dict[str, list[Example]]:
    """Return the examples of every evaluated split.

    Copies of a probe are one example whose weight is their number. Probes on neighbours who are
    themselves to be forgotten are dropped, and those that repeat a probe on what is to be
    forgotten.
    """
    grouped = len(persons) >= ENOUGH_PERSONS

    def group(row: DataRow) -> str:
        return row.text("subject") if grouped else ""

    found = {
        part: weighted(probe_example(row, part, group(row)) for row in of(part, persons))
        for part in FORGET
    }
    asked = {content(example) for part in FORGET for example in found[part]}
    for part in NEIGHBOURS:
        rows = [row for row in of(part, persons) if row.text("neighbor") not in persons]
        probes = weighted(probe_example(row, part, row.text("neighbor")) for row in rows)
        found[part] = [example for example in probes if content(example) not in asked]
    for part in ("forget_mia", "retain_mia"):
        found[part] = weighted(text_example(row, part, group(row)) for row in of(part, persons))
    found["fluency"] = weighted(
        Example(f"fluency/{row.index:05d}", row.text("instruction"), "", group(row))
        for row in of("fluency", persons)
    )
    return found
