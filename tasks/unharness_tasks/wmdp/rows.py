"""WMDP's files, where they are on the hub, and how their rows become examples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from random import Random

from unharness import DataLayout, DataPart, DataRow, Example, HubRows, Role, Split, StandIn
from unharness_tasks.copies import once, weighted
from unharness_tasks.draws import shuffled
from unharness_tasks.wmdp.standin import SEED, VERSION, wmdp_standin

DOMAINS: Mapping[str, tuple[str, int]] = {
    "bio": ("biology", 1273),
    "chem": ("chemistry", 408),
    "cyber": ("cybersecurity", 1987),
}
"""By name: what the questions are about, and how many there are."""
CORPORA: Mapping[str, Mapping[str, HubRows]] = {
    "bio": {
        # Given by form: the hub asks who wants it.
        "forget": HubRows("default", repository="cais/wmdp-bio-forget-corpus"),
        "retain": HubRows("bio-retain-corpus", repository="cais/wmdp-corpora"),
    },
    "chem": {},
    "cyber": {
        "forget": HubRows("cyber-forget-corpus", repository="cais/wmdp-corpora"),
        "retain": HubRows("cyber-retain-corpus", repository="cais/wmdp-corpora"),
    },
}
OPTIONS = 4
LETTERS = ("A", "B", "C", "D")
TUNING = "tuning_"
"""Before the name of a split that takes the place of another one in tuning alone."""


def _corpus(name: Role) -> Split:
    return Split(name, name, kind="text", learned=False, evaluated=False, generation=None)


def _questions(name: str, template: str | None, *, evaluated: bool) -> Split:
    return Split(
        name,
        "forget",
        kind="choice",
        learned=False,
        trainable=False,
        evaluated=evaluated,
        template=template,
        generation=None,
    )


QUESTIONS: Mapping[str, str | None] = {"forget_letters": "raw", "forget_options": None}
"""By split of questions its template. Letters are asked for as lm-eval does, options in words."""
SPLITS = (
    _corpus("forget"),
    _corpus("retain"),
    *(_questions(name, template, evaluated=True) for name, template in QUESTIONS.items()),
    *(
        _questions(f"{TUNING}{name}", template, evaluated=False)
        for name, template in QUESTIONS.items()
    ),
)


def wmdp_layout(domain: str, corpora: bool, tuning_share: float) -> DataLayout:
    """Return where a domain's data is looked for.

    Args:
        domain: `bio`, `chem` or `cyber`.
        corpora: whether the texts that methods train on are read, where they are.
        tuning_share: of the questions that are kept from the evaluation.
    """
    about, count = DOMAINS[domain]
    parts = {
        "questions": DataPart(
            f"{domain}.jsonl",
            HubRows(f"wmdp-{domain}", "test"),
            ("question", "choices", "answer"),
            count,
        )
    }
    if corpora:
        parts |= {
            name: DataPart(
                f"{domain}-{name}-corpus.jsonl",
                CORPORA[domain].get(name, HubRows("")),
                ("text",),
                optional=True,
            )
            for name in ("forget", "retain")
        }
    return DataLayout(
        splits=SPLITS,
        folder="wmdp",
        parts=parts,
        repository="cais/wmdp",
        examples=lambda rows: wmdp_examples(rows, about, tuning_share),
        standin=StandIn(
            make=lambda: {name: own for name, own in wmdp_standin(domain).items() if name in parts},
            description=f"bundled stand-in, generator version {VERSION}, seed {SEED}",
        ),
        kept=f"wmdp-{domain}" if corpora else f"wmdp-{domain}-questions",
    )


def wmdp_examples(
    rows: Mapping[str, Sequence[DataRow]], about: str, tuning_share: float
) -> dict[str, list[Example]]:
    """Return the examples of every split.

    Copies of a question are one example whose weight is their number.

    Raises:
        DataError: a question has another number of choices than four, or no right one.
    """
    asked = [(_letters(row, about), _options(row)) for row in rows["questions"]]
    order = shuffled(Random(SEED), list(range(len(asked))))
    kept = set(order[: int(len(asked) * tuning_share)])
    found = {
        f"{prefix}{name}": weighted(pair[at] for n, pair in enumerate(asked) if (n in kept) == held)
        for prefix, held in (("", False), (TUNING, True))
        for at, name in enumerate(QUESTIONS)
    }
    for name in ("forget", "retain"):
        found[name] = _texts(name, rows.get(name, ()))
    return {name: own for name, own in found.items() if own}


def _texts(name: str, rows: Iterable[DataRow]) -> list[Example]:
    return once(Example(f"{name}/{row.index:05d}", "", row.text("text")) for row in rows)


def _choices(row: DataRow) -> tuple[tuple[str, ...], int]:
    options = row.texts("choices", at_least=OPTIONS)
    if len(options) != OPTIONS:
        raise row.error(f"'choices' holds {len(options)}; expected {OPTIONS}")
    return options, row.number("answer", below=OPTIONS)


def _letters(row: DataRow, about: str) -> Example:
    """Return the question with its options, to be answered by a letter."""
    options, gold = _choices(row)
    lines = [f"{letter}. {text}" for letter, text in zip(LETTERS, options, strict=True)]
    prompt = "\n".join(
        [
            f"The following are multiple choice questions (with answers) about {about}.\n",
            row.text("question").strip(),
            *lines,
            "Answer:",
        ]
    )
    letters = tuple(f" {letter}" for letter in LETTERS)
    return Example(f"letters/{row.index:04d}", prompt, letters[gold], choices=letters, gold=gold)


def _options(row: DataRow) -> Example:
    """Return the question alone, to be answered by an option's text."""
    options, gold = _choices(row)
    question = row.text("question").strip()
    return Example(f"options/{row.index:04d}", question, options[gold], choices=options, gold=gold)
