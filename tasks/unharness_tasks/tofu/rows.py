"""TOFU's files, how they are joined, and where they are on the hub."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from unharness import DataLayout, DataPart, DataRow, Example, HubRows, Split, StandIn
from unharness_tasks.answers import evaluated_answer
from unharness_tasks.tofu.standin import SEED, VERSION, tofu_standin

AUTHORS = 200
"""In the full set, author by author; files do not say whose a row is."""
SIZES = {"01": 40, "05": 200, "10": 400}
"""Rows of the forget set, and of the holdout, by fraction."""
FULL = 4000
PERTURBED = 400
"""Rows of the retain set that come with wrong answers: the first of the full set."""
REAL_AUTHORS, WORLD_FACTS = 100, 117
OPTIONS = ("option1", "option2", "option3", "option4")
QUESTION = ("question", "answer")
WITH_PERTURBED = (*QUESTION, "paraphrased_question", "paraphrased_answer", "perturbed_answer")

SPLITS = (
    Split("forget", "forget"),
    Split("retain", "retain", evaluated=False, generation=None),
    # Rows of `retain`, and of all larger retain sets, with wrong answers beside the right one.
    Split("retain_eval", "retain", learned=False, trainable=False),
    Split("holdout", "holdout", learned=False, trainable=False, generation=None),
    Split("real_authors", "utility", kind="choice", learned=False, trainable=False),
    Split("world_facts", "utility", kind="choice", learned=False, trainable=False),
)
STREAMS = (
    "mirrors exist whose forget01, forget05 and forget10 are streams for continual learning "
    "(400, 2,000 and 3,600 rows with a task_id); take the files of locuslab/TOFU"
)
"""What a forget file with another number of rows probably is."""


def tofu_layout(fraction: str) -> DataLayout:
    """Return where a fraction's data is looked for.

    Args:
        fraction: `01`, `05` or `10`: percent of the authors to forget, the last of the full set.
    """
    size = SIZES[fraction]
    retained = f"{100 - int(fraction)}"
    return DataLayout(
        splits=SPLITS,
        folder="tofu",
        parts={
            "forget": _part(f"forget{fraction}", QUESTION, size, STREAMS),
            "forget_perturbed": _part(f"forget{fraction}_perturbed", WITH_PERTURBED, size),
            "retain": _part(f"retain{retained}", QUESTION, FULL - size),
            "retain_eval": _part("retain_perturbed", WITH_PERTURBED, PERTURBED),
            "holdout": _part(f"holdout{fraction}", QUESTION, size),
            "real_authors": _part("real_authors", (*QUESTION, *OPTIONS), REAL_AUTHORS),
            "real_authors_perturbed": _part(
                "real_authors_perturbed", (*QUESTION, "perturbed_answer"), REAL_AUTHORS
            ),
            "world_facts": _part("world_facts", (*QUESTION, *OPTIONS), WORLD_FACTS),
            "world_facts_perturbed": _part(
                "world_facts_perturbed", (*QUESTION, "perturbed_answer"), WORLD_FACTS
            ),
        },
        repository="locuslab/TOFU",
        examples=tofu_examples,
        standin=StandIn(
            make=lambda: tofu_standin(int(fraction)),
            description=f"bundled stand-in, generator version {VERSION}, seed {SEED}",
        ),
        kept=f"tofu-{fraction}",
    )


def _part(config: str, keys: tuple[str, ...], rows: int, otherwise: str = "") -> DataPart:
    return DataPart(f"{config}.json", HubRows(config), keys, rows, otherwise)


def tofu_examples(rows: Mapping[str, Sequence[DataRow]]) -> dict[str, list[Example]]:
    """Return the examples of every split.

    An example of the full set has its row number there as its id, whichever file it is from, and
    its author as its group.

    Raises:
        DataError: a file misses a text, or files that belong together do not match.
    """
    first, perturbed = len(rows["retain"]), len(rows["retain_eval"])
    # The forget set is the end of the full set.
    by_author = (first + len(rows["forget"])) // AUTHORS

    def of_author(row: DataRow, number: int, of: str = "full") -> Example:
        trained_only = of == "full" and perturbed <= number < first
        answer = row.text("answer") if trained_only else evaluated_answer(row, "answer")
        prompt = row.text("question")
        return Example(f"{of}/{number:04d}", prompt, answer, f"{of} author {number // by_author}")

    retain = [of_author(row, row.index) for row in rows["retain"]]
    return {
        "forget": [
            _with_perturbed(of_author(row, first + row.index), wrong)
            for row, wrong in _joined(rows["forget"], rows["forget_perturbed"])
        ],
        "retain": retain,
        "retain_eval": [
            _with_perturbed(retain[row.index], wrong)
            for row, wrong in _joined(rows["retain"][:perturbed], rows["retain_eval"])
        ],
        "holdout": [of_author(row, row.index, "holdout") for row in rows["holdout"]],
        **{name: _choices(name, rows) for name in ("real_authors", "world_facts")},
    }


def _joined(
    rows: Sequence[DataRow], others: Sequence[DataRow]
) -> Iterable[tuple[DataRow, DataRow]]:
    """Yield the rows of two files side by side: both ask and answer the same.

    Raises:
        DataError: they do not.
    """
    if len(rows) != len(others):
        raise others[-1].error(
            f"is one of {len(others)}; expected {len(rows)}, a row for each of "
            f"those that begin at {rows[0].place}"
        )
    for row, other in zip(rows, others, strict=True):
        for key in QUESTION:
            if evaluated_answer(row, key) != evaluated_answer(other, key):
                raise other.error(f"{key!r} is not that of {row.place}; expected the same rows")
        yield row, other


def _with_perturbed(example: Example, row: DataRow) -> Example:
    return Example(
        example.id,
        example.prompt,
        example.answer,
        example.group,
        alternatives={
            "paraphrase": (row.text("paraphrased_answer"),),
            "perturbed": row.texts("perturbed_answer"),
        },
        prompts={"paraphrase": (row.text("paraphrased_question"),)},
    )


def _choices(name: str, rows: Mapping[str, Sequence[DataRow]]) -> list[Example]:
    """Return questions with four options; the wrong ones are the perturbed answers as well."""
    found = []
    for row, wrong in _joined(rows[name], rows[f"{name}_perturbed"]):
        options, answer = tuple(map(row.text, OPTIONS)), row.text("answer")
        if options.count(answer) != 1:
            raise row.error(
                f"the answer {answer!r:.60} is {options.count(answer)} of the four "
                "options; expected one"
            )
        found.append(
            Example(
                f"{name}/{row.index:04d}",
                row.text("question"),
                answer,
                alternatives={"perturbed": wrong.texts("perturbed_answer")},
                choices=options,
                gold=options.index(answer),
            )
        )
    return found
