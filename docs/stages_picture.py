"""Draw the picture of the five stages from the classes that specify them.

python docs/stages_picture.py docs/images/stages.svg
"""

from __future__ import annotations

import sys
from html import escape
from pathlib import Path
from typing import Any

from unharness.records.stage_specs import ScoreSpec, Spec

RESULTS = {
    "TargetSpec": ("target", "a model that knows the facts"),
    "UnlearnSpec": ("unlearn", "unlearned weights"),
    "AttackSpec": ("attack", "attacked weights, or the same"),
    "ObserveSpec": ("observe", "token scores, texts, choices"),
    "ScoreSpec": ("score", "metrics with intervals"),
}
"""By class: the stage's name, and what it leaves."""
RUN_ID = "AttackSpec"
"""The last stage that the run id is a hash of."""
WIDTH, GAP, LINE, TOP = 190, 22, 17, 96
"""In pixels: of a box, between two boxes, of a line of text, and above the lists."""
TEXT = 'font-family="system-ui, sans-serif"'


def stages() -> list[tuple[type[Spec], list[str]]]:
    """Return each stage's class, the first one first, with what it adds to those before it."""
    found: list[tuple[type[Spec], list[str]]] = []
    current: type[Spec] | None = ScoreSpec
    while current is not None:
        inner = {
            name: field.annotation
            for name, field in current.model_fields.items()
            if isinstance(field.annotation, type) and issubclass(field.annotation, Spec)
        }
        found.append(
            (current, [_words(name) for name in current.model_fields if name not in inner])
        )
        current = next(iter(inner.values()), None)
    return found[::-1]


def svg() -> str:
    """Return the picture; it loads nothing."""
    columns = stages()
    most = max(len(names) for _, names in columns)
    height = TOP + (most + 1) * LINE + 62
    width = len(columns) * (WIDTH + GAP) + GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" aria-labelledby="title">',
        '<title id="title">Five stages: target, unlearn, attack, observe, score</title>',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for at, (stage, names) in enumerate(columns):
        parts += _box(GAP + at * (WIDTH + GAP), stage.__name__, names, height, last=at == 4)
    last = [stage.__name__ for stage, _ in columns].index(RUN_ID)
    parts += _bracket(GAP, GAP + last * (WIDTH + GAP) + WIDTH, height - 34, "run id")
    parts += _bracket(
        GAP,
        width - GAP,
        height - 8,
        "every stage is cached under the hash of all that is left of it",
    )
    return "\n".join([*parts, "</svg>", ""])


def _box(left: int, stage: str, names: list[str], height: int, *, last: bool) -> list[str]:
    name, result = RESULTS[stage]
    parts = [
        f'<rect x="{left}" y="12" width="{WIDTH}" height="58" rx="6" fill="#e8eaf6" '
        'stroke="#3949ab"/>',
        _text(left + WIDTH / 2, 36, name, 16, "middle", weight="600"),
        _text(left + WIDTH / 2, 57, f"→ {result}", 12, "middle"),
        _text(left + 4, TOP, "decided by", 12, color="#666666"),
    ]
    parts += [_text(left + 4, TOP + (at + 1) * LINE, one, 12) for at, one in enumerate(names)]
    if not last:
        start, end = left + WIDTH, left + WIDTH + GAP
        parts.append(
            f'<path d="M{start} 41 H{end - 7} m-1 -5 l7 5 l-7 5" fill="none" stroke="#3949ab" '
            'stroke-width="2"/>'
        )
    return parts


def _bracket(left: int, right: int, bottom: int, label: str) -> list[str]:
    middle = (left + right) / 2
    return [
        f'<path d="M{left} {bottom - 16} v6 H{right} v-6" fill="none" stroke="#888888"/>',
        _text(middle, bottom + 4, label, 12, "middle", color="#444444"),
    ]


def _text(
    x: float,
    y: float,
    words: str,
    size: int,
    anchor: str = "start",
    *,
    weight: str = "400",
    color: str = "#1a1a1a",
) -> str:
    look: dict[str, Any] = {"font-size": size, "text-anchor": anchor, "fill": color}
    attributes = " ".join(f'{name}="{value}"' for name, value in look.items())
    return (
        f'<text x="{x:g}" y="{y:g}" {TEXT} font-weight="{weight}" {attributes}>'
        f"{escape(words)}</text>"
    )


def _words(field: str) -> str:
    """Return a field's name as words, without what says that it is a hash."""
    return field.removesuffix("_hash").replace("_", " ")


def main(picture: str) -> None:
    """Write the picture."""
    Path(picture).write_text(svg(), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
