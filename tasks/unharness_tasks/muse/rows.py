"""MUSE's files, where they are on the hub, and how their rows become examples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

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
from unharness_tasks.answers import evaluated_answer
from unharness_tasks.copies import content, once
from unharness_tasks.muse.standin import SEED, VERSION, muse_standin

RAW: Mapping[str, Mapping[str, int]] = {
    "news": {"forget": 889, "retain1": 1777, "retain2": 1778},
    "books": {"forget": 4, "retain1": 12, "retain2": 13},
}
"""By corpus: how many texts there are to forget, to keep by, and to keep unread."""
FOLDS: Mapping[str, Sequence[int]] = {
    "scal": (889, 1778, 2667, 3554),
    "sust": (889, 889, 889, 887),
}
"""Of `news`: forget sets that grow, and forget sets that come one after another."""
QUESTIONS, SHOWN = 100, 10
"""In each set of questions, and of those that are shown answered before each."""
SAMPLE = 100
"""Texts of a fold that are evaluated, the first."""
TEXT, PAIR, CONTINUED = ("text",), ("question", "answer"), ("prompt", "gt")


def _texts(
    name: str,
    role: Role,
    *,
    learned: bool = True,
    trainable: bool = True,
    evaluated: bool = True,
) -> Split:
    return Split(
        name,
        role,
        kind="text",
        learned=learned,
        trainable=trainable,
        evaluated=evaluated,
        generation=None,
    )


def _asked(name: str, role: Role, tokens: int) -> Split:
    return Split(
        name,
        role,
        kind="completion",
        learned=False,
        trainable=False,
        generation=Generation(max_new_tokens=tokens),
    )


SPLITS = (
    _texts("forget", "forget", evaluated=False),
    _texts("retain", "retain", evaluated=False),
    _texts("retain_unread", "retain", trainable=False, evaluated=False),
    # Of other requests to forget, before or after this one: learned, and neither read nor asked.
    _texts("other_requests", "utility", trainable=False, evaluated=False),
    _asked("forget_verbmem", "forget", 128),
    _asked("forget_knowmem", "forget", 32),
    _asked("retain_knowmem", "retain", 32),
    _texts("forget_privleak", "forget", learned=False, trainable=False),
    _texts("forget_sample", "forget", learned=False, trainable=False),
    _texts("holdout_privleak", "holdout", learned=False, trainable=False),
)


def muse_layout(corpus: str, fold: str) -> DataLayout:
    """Return where a corpus' data is looked for.

    Args:
        corpus: `news` or `books`.
        fold: `none`, or one of `scal-1` … `scal-4` and `sust-1` … `sust-4`.
    """
    raw = RAW[corpus]
    parts = {
        "retain": _part("raw", "retain1", TEXT, raw["retain1"]),
        "retain_unread": _part("raw", "retain2", TEXT, raw["retain2"]),
        "retain_knowmem": _part("knowmem", "retain_qa", PAIR, QUESTIONS),
        "retain_shown": _part("knowmem", "retain_qa_icl", PAIR, SHOWN),
        "holdout_privleak": _part("privleak", "holdout", TEXT, QUESTIONS),
    }
    kind, _, number = fold.partition("-")
    if fold == "none":
        parts |= {
            "forget": _part("raw", "forget", TEXT, raw["forget"]),
            "forget_knowmem": _part("knowmem", "forget_qa", PAIR, QUESTIONS),
            "forget_shown": _part("knowmem", "forget_qa_icl", PAIR, SHOWN),
            "forget_verbmem": _part("verbmem", "forget", CONTINUED, QUESTIONS),
            "forget_privleak": _part("privleak", "forget", TEXT, QUESTIONS),
        }
    else:
        parts |= {
            f"fold{at}": _part(kind, f"forget_{at}", TEXT, count)
            for at, count in enumerate(FOLDS[kind], start=1)
        }
    return DataLayout(
        splits=SPLITS,
        folder=f"muse/{corpus}",
        parts=parts,
        repository=f"muse-bench/MUSE-{corpus.capitalize()}",
        examples=lambda rows: muse_examples(rows, int(number or 0)),
        standin=StandIn(
            make=lambda: {
                name: own
                for name, own in muse_standin(corpus, "" if fold == "none" else kind).items()
                if name in parts
            },
            description=f"bundled stand-in, generator version {VERSION}, seed {SEED}",
        ),
        kept=f"muse/{corpus}" if fold == "none" else f"muse/{corpus}-{kind}",
    )


def _part(config: str, split: str, keys: tuple[str, ...], rows: int) -> DataPart:
    return DataPart(f"{config}/{split}.json", HubRows(config, split), keys, rows)


def muse_examples(rows: Mapping[str, Sequence[DataRow]], fold: int) -> dict[str, list[Example]]:
    """Return the examples of every split.

    Args:
        rows: by part.
        fold: the number of the fold that is to be forgotten; 0: the raw forget set.

    Raises:
        DataError: a row is not as expected.
    """
    found: dict[str, list[Example]] = {}
    if fold:
        folds = {
            name: once(_text(row, name) for row in own)
            for name, own in rows.items()
            if name.startswith("fold")
        }
        found["forget"] = folds.pop(f"fold{fold}")
        found["other_requests"] = once(row for own in folds.values() for row in own)
        found["forget_sample"] = found["forget"][:SAMPLE]
    else:
        found["forget"] = once(_text(row, "forget") for row in rows["forget"])
        found["forget_knowmem"] = _few_shot(
            "forget_knowmem", rows["forget_knowmem"], rows["forget_shown"]
        )
        found["forget_verbmem"] = once(_continued(row) for row in rows["forget_verbmem"])
        found["forget_privleak"] = once(
            _text(row, "forget_privleak") for row in rows["forget_privleak"]
        )
    for name in ("retain", "retain_unread"):
        found[name] = once(_text(row, name) for row in rows[name])
    found["retain_knowmem"] = _few_shot(
        "retain_knowmem", rows["retain_knowmem"], rows["retain_shown"]
    )
    found["holdout_privleak"] = once(
        _text(row, "holdout_privleak") for row in rows["holdout_privleak"]
    )
    # What is to be forgotten is kept nowhere; what is learned is learned once.
    for name, others in (
        ("other_requests", ("forget",)),
        ("retain", ("forget", "other_requests")),
        ("retain_unread", ("forget", "other_requests", "retain")),
    ):
        if name in found:
            seen = {content(row) for other in others for row in found.get(other, ())}
            found[name] = [row for row in found[name] if content(row) not in seen]
    return {name: own for name, own in found.items() if own}


def _text(row: DataRow, part: str) -> Example:
    return Example(f"{part}/{row.index:05d}", "", row.text("text"))


def _continued(row: DataRow) -> Example:
    return Example(f"verbmem/{row.index:04d}", row.text("prompt"), evaluated_answer(row, "gt"))


def _few_shot(name: str, rows: Iterable[DataRow], shown: Iterable[DataRow]) -> list[Example]:
    """Return questions behind ten that are answered, in MUSE's form, to be continued."""
    before = "".join(
        f"Question: {row.text('question')}\nAnswer: {row.text('answer')}\n\n" for row in shown
    )
    return once(
        Example(
            f"{name}/{row.index:04d}",
            f"{before}Question: {row.text('question')}\nAnswer:",
            f" {answer}" if (answer := evaluated_answer(row, "answer")) else "",
        )
        for row in rows
    )
