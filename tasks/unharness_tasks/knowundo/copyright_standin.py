"""A bundled stand-in for the copyright domain of the KnowUnDo benchmark (arXiv 2407.01920).

The benchmark asks about 30 well-known books: facts, reviews and recommendations are to be kept,
extensions and revisions of the story are to be forgotten. This module makes data of the same shape
and size from a seed, without network. The facts about the books are true and the same for every
seed; extensions and revisions are invented here. No sentence is the benchmark's or a book's.
Scores on it are not comparable with scores on the published data.
"""

from unharness_tasks.draws import seeded, shuffled
from unharness_tasks.knowundo.copyright_books import BOOKS, Book
from unharness_tasks.knowundo.copyright_inventions import INVENTIONS
from unharness_tasks.knowundo.copyright_phrasings import FORGET_PHRASINGS, RETAIN_PHRASINGS
from unharness_tasks.knowundo.standin_draws import split

__all__ = ["FORGET_KINDS", "RETAIN_KINDS", "SIZES", "VERSION", "copyright_standin"]

VERSION = 1
"""Version of the data; raised whenever the output for a seed changes."""

FORGET_KINDS: tuple[str, ...] = tuple(FORGET_PHRASINGS)
RETAIN_KINDS: tuple[str, ...] = tuple(RETAIN_PHRASINGS)

SIZES = {"forget_train": 374, "forget_eval": 103, "retain_train": 894, "retain_eval": 219}
"""Number of items in each list: 477 and 1,113 as published, shared out as in the privacy domain."""

_STREAM = "knowundo-copyright-standin"
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven")


def copyright_standin(seed: int = 0) -> dict[str, list[dict[str, str]]]:
    """Return the stand-in for KnowUnDo's copyright domain (arXiv 2407.01920), made from `seed`.

    Args:
        seed: any integer. It decides which phrasings are used where, and the order; the facts are
            fixed. A seed gives the same data everywhere; another seed gives other data.

    Returns:
        The lists "forget_train" (374 items), "forget_eval" (103), "retain_train" (894) and
        "retain_eval" (219), about 30 books. An item has the keys "prompt", "answer" (one or two
        sentences, at most 280 characters), "book" (its title), "kind" (one of `FORGET_KINDS` or
        `RETAIN_KINDS`) and "phrasing" ("0" to "9", the template's number within its kind). Train
        and eval lists cover every book and kind. An eval item asks in a new phrasing for a fact
        bundle that its train list teaches in at least five other phrasings.
    """
    rng = seeded(_STREAM, seed, "items")
    # Which books come first decides which ones the rounds cut short leave out.
    fields = {book.title: _fields(book) for book in shuffled(rng, BOOKS)}
    data: dict[str, list[dict[str, str]]] = {}
    for scope, phrasings in (("forget", FORGET_PHRASINGS), ("retain", RETAIN_PHRASINGS)):
        train, evaluation = f"{scope}_train", f"{scope}_eval"
        data[train], data[evaluation] = split(
            rng, "book", fields, phrasings, SIZES[train], SIZES[evaluation]
        )
    return data


def _fields(book: Book) -> dict[str, str]:
    """The template fields of a book."""
    first, second = book.characters
    invention = INVENTIONS[book.title]
    return {
        "title": book.title,
        "author": book.author,
        "year": str(book.year),
        "century": _century(book.year),
        "language": book.language,
        **_series_fields(book),
        "genre": book.genre,
        "setting": book.setting,
        "theme": book.theme,
        "taste": book.taste,
        "first": first,
        "second": second,
        "quest": invention.quest,
        "find": invention.find,
        "scene": invention.scene,
        "turn": invention.turn,
    }


def _series_fields(book: Book) -> dict[str, str]:
    """What is said of a book's series, in the same form where it has none."""
    if book.series is None:
        return {
            "yes_or_no": "No",
            "standing": "a standalone novel that belongs to no series",
            "note": "its story is complete in itself",
            "count": "one book",
        }
    size, unit, name = book.series
    following = _NUMBERS[size - 1]
    return {
        "yes_or_no": "Yes",
        "standing": f"the first of the {_NUMBERS[size]} {unit}s {name}",
        "note": (
            f"{following} more {unit} completes the set"
            if size == 2
            else f"{following} more {unit}s complete the set"
        ),
        "count": f"{_NUMBERS[size]} {unit}s",
    }


def _century(year: int) -> str:
    """The century in words; only for years that have one in the table."""
    return {18: "nineteenth", 19: "twentieth", 20: "twenty-first"}[year // 100]
