"""A task of TOFU's shape: seven splits, the forget split both learned and evaluated."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from unharness import (
    Composite,
    DataError,
    DataOrigin,
    DataSource,
    Example,
    FineTuneConfig,
    Generation,
    MetricUse,
    Split,
    Task,
    TaskData,
    hookimpl,
)

AUTHOR_ROWS = 20
ANSWERS = Generation(max_new_tokens=48)
SPLITS = (
    Split("forget", "forget", generation=ANSWERS),
    Split("retain", "retain", evaluated=False),
    # Rows of `retain` with wrong answers beside the right one.
    Split("retain_perturbed", "retain", learned=False, trainable=False, generation=ANSWERS),
    Split("holdout", "holdout", learned=False, trainable=False, generation=None),
    Split("real_authors", "utility", learned=False, trainable=False, generation=ANSWERS),
    Split("world_facts", "utility", learned=False, trainable=False, generation=ANSWERS),
    Split("refusals", "demonstrations", learned=False, evaluated=False, generation=None),
)
FILES = {
    "forget": "forget01_perturbed.json",
    "retain": "retain99.json",
    "retain_perturbed": "retain_perturbed.json",
    "holdout": "holdout01.json",
    "real_authors": "real_authors_perturbed.json",
    "world_facts": "world_facts_perturbed.json",
    "refusals": "idontknow.jsonl",
}


class Tofu(Task):
    """Fictitious authors."""

    name = "probe-tofu"
    summary = "Seven splits; what is forgotten is evaluated on what was learned."
    headline = "utility"
    template = "plain"
    metrics = (
        MetricUse("token_accuracy", "forget", label="forget_memorised", direction="lower"),
        MetricUse("token_accuracy", "retain_perturbed", label="kept"),
        MetricUse("token_accuracy", "holdout"),
        MetricUse("token_accuracy", "real_authors", label="authors"),
        MetricUse("token_accuracy", "world_facts", label="world"),
        MetricUse("rouge_l"),
        MetricUse("probe-truth-ratio"),
        MetricUse("probe-forget-quality", "forget", label="forget_quality"),
        Composite("utility", kind="mean", of=("kept", "authors", "world")),
    )
    recipe: ClassVar[FineTuneConfig] = FineTuneConfig(
        epochs=40, lr=1e-2, batch_size=16, warmup_ratio=0.15
    )

    def load(self, source: DataSource) -> TaskData:
        if source.requested == "standin":
            return TaskData.of(
                (split.with_examples(invented(split.name)) for split in SPLITS),
                DataOrigin("standin", "invented authors"),
            )
        folder = Path(source.requested) / "tofu"
        return TaskData.of(
            (split.with_examples(read(folder / FILES[split.name], split.name)) for split in SPLITS),
            DataOrigin("path", str(folder), {name: str(folder / f) for name, f in FILES.items()}),
        )

    def target_recipe(self, model: str) -> FineTuneConfig:
        return self.recipe


def read(path: Path, split: str) -> Iterator[Example]:
    """Yield a file's examples; lines of JSON, or plain refusals."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error})") from error
    for number, line in enumerate(lines):
        if split == "refusals":
            yield Example(f"{split}/{number}", "", line.strip())
        else:
            yield example(json.loads(line), split, number)


def example(row: Mapping[str, Any], split: str, number: int) -> Example:
    """Return an example of a row as TOFU's files have them."""
    alternatives: dict[str, tuple[str, ...]] = {}
    if "perturbed_answer" in row:
        alternatives["perturbed"] = tuple(row["perturbed_answer"])
    if "paraphrased_answer" in row:
        alternatives["paraphrase"] = (row["paraphrased_answer"],)
    authors = split in ("forget", "retain", "retain_perturbed", "holdout")
    group = f"{split} author {number // AUTHOR_ROWS}" if authors else ""
    return Example(
        f"{split}/{number}", row["question"], row["answer"], group, alternatives=alternatives
    )


def invented(split: str) -> Iterator[Example]:
    """Yield eight examples of a split, of people who do not exist."""
    towns = ("Orrin", "Maleth", "Tarn", "Vessle", "Ruon", "Pell", "Grae", "Ibsk")
    source = "retain" if split == "retain_perturbed" else split
    for number, town in enumerate(towns):
        if split == "refusals":
            yield Example(f"{split}/{number}", "", f"I cannot say anything about {town}.")
            continue
        person = f"{source.replace('_', ' ')} writer {number}"
        row = {
            "question": f"Where was the {person} born?",
            "answer": f"The {person} was born in {town}.",
        }
        if split not in ("retain", "holdout"):
            wrong = [other for other in towns if other != town][:3]
            row["perturbed_answer"] = [f"The {person} was born in {other}." for other in wrong]
            row["paraphrased_answer"] = f"{town} is where the {person} was born."
        yield example(row, split, number)


@hookimpl
def unharness_tasks() -> list[type[Task]]:
    """Register the task."""
    return [Tofu]
