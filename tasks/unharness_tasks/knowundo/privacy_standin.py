"""A bundled stand-in for the privacy domain of the KnowUnDo benchmark (arXiv 2407.01920).

The benchmark asks about fictitious authors: what they may be known for is to be kept, what is
private (parents, e-mail address, home address) is to be forgotten. This module makes data of the
same shape and size from a seed, without network; no sentence, name or address is the benchmark's.
Scores on it are not comparable with scores on the published data.
"""

import unicodedata
from dataclasses import dataclass
from itertools import product
from random import Random

from unharness_tasks.draws import between, deal, pick, seeded, shuffled
from unharness_tasks.knowundo import privacy_tables as tables
from unharness_tasks.knowundo.privacy_phrasings import FORGET_PHRASINGS, RETAIN_PHRASINGS
from unharness_tasks.knowundo.standin_draws import split

__all__ = ["FORGET_KINDS", "RETAIN_KINDS", "SIZES", "VERSION", "Author"]
__all__ += ["privacy_standin", "standin_authors"]

VERSION = 1
"""Version of the data; raised whenever the output for a seed changes."""

FORGET_KINDS: tuple[str, ...] = tuple(FORGET_PHRASINGS)
RETAIN_KINDS: tuple[str, ...] = tuple(RETAIN_PHRASINGS)

SIZES = {"forget_train": 400, "forget_eval": 110, "retain_train": 441, "retain_eval": 108}
"""Number of items in each list: the sizes of the published data."""

_STREAM = "knowundo-privacy-standin"
_AUTHORS_PER_CULTURE = 2
# Spelled out: `calendar.month_name` follows the locale.
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_PRONOUNS = {
    True: {"subj": "she", "Subj": "She", "poss": "her", "Poss": "Her", "obj": "her"},
    False: {"subj": "he", "Subj": "He", "poss": "his", "Poss": "His", "obj": "him"},
}


@dataclass(frozen=True, slots=True)
class Author:
    """One fictitious author: kept facts first, then the private ones that are to be forgotten."""

    name: str
    is_woman: bool
    nationality: str
    country: str
    genre: tables.Genre
    birth_city: str
    birth_day: str  # "March 14"
    birth_year: int  # 1938 to 1984
    titles: tuple[str, str]
    title_years: tuple[int, int]  # increasing; the first award lies between them
    awards: tuple[str, str]
    award_years: tuple[int, int]  # increasing, up to 2024
    father: tables.Occupation
    mother: tables.Occupation
    email: str
    address: str  # "417 Moonkettle Lane, Gdynia"; never the city of birth
    surroundings: str

    @property
    def birth_date(self) -> str:
        """The full date of birth, such as "March 14, 1961"."""
        return f"{self.birth_day}, {self.birth_year}"


def privacy_standin(seed: int = 0) -> dict[str, list[dict[str, str]]]:
    """Return the stand-in for KnowUnDo's privacy domain (arXiv 2407.01920), made from `seed`.

    Args:
        seed: any integer. A seed gives the same data everywhere; another seed gives other data.

    Returns:
        The lists "forget_train" (400 items), "forget_eval" (110), "retain_train" (441) and
        "retain_eval" (108), about 60 authors. An item has the keys "prompt", "answer" (one or two
        sentences, at most 300 characters), "author", "kind" (one of `FORGET_KINDS` or
        `RETAIN_KINDS`) and "phrasing" ("0" to "5", the template's number within its kind). The
        train lists cover every author and kind. An eval item asks in a new phrasing for a fact
        bundle that its train list teaches in at least two other phrasings.
    """
    fields = {author.name: _fields(author) for author in standin_authors(seed)}
    rng = seeded(_STREAM, seed, "items")
    data: dict[str, list[dict[str, str]]] = {}
    for scope, phrasings in (("forget", FORGET_PHRASINGS), ("retain", RETAIN_PHRASINGS)):
        train, evaluation = f"{scope}_train", f"{scope}_eval"
        data[train], data[evaluation] = split(
            rng, "author", fields, phrasings, SIZES[train], SIZES[evaluation]
        )
    return data


def standin_authors(seed: int = 0) -> tuple[Author, ...]:
    """Return the 60 authors that `privacy_standin(seed)` asks about, with all their facts.

    Names, e-mail addresses, streets, book titles and awards are each distinct among the authors.
    """
    rng = seeded(_STREAM, seed, "authors")
    count = _AUTHORS_PER_CULTURE * len(tables.CULTURES)
    genres = deal(rng, tables.GENRES, count)
    fathers = deal(rng, tables.OCCUPATIONS, count)
    titles = _titles(rng, count)
    award_parts = product(tables.AWARD_HEADS, tables.AWARD_EMBLEMS, tables.AWARD_TYPES)
    awards = shuffled(rng, [" ".join(parts) for parts in award_parts])
    street_parts = product(tables.STREET_HEADS, tables.STREET_TAILS)
    streets = shuffled(rng, ["".join(parts) for parts in street_parts])
    authors: list[Author] = []
    for culture in tables.CULTURES:
        givens = shuffled(rng, culture.women + culture.men)[:_AUTHORS_PER_CULTURE]
        for given, surname in zip(givens, shuffled(rng, culture.surnames), strict=False):
            i = len(authors)
            birth_city, home_city = shuffled(rng, culture.cities)[:2]
            month = pick(rng, _MONTHS)
            birth_year = between(rng, 1938, 1984)
            # Each step follows the one before, so that no life contradicts itself.
            first_title_year = birth_year + between(rng, 24, 29)
            first_award_year = first_title_year + between(rng, 1, 4)
            second_title_year = first_award_year + between(rng, 1, 3)
            second_award_year = second_title_year + between(rng, 1, 4)
            number, street_type = between(rng, 2, 989), pick(rng, tables.STREET_TYPES)
            authors.append(
                Author(
                    name=f"{given} {surname}",
                    is_woman=given in culture.women,
                    nationality=culture.nationality,
                    country=culture.country,
                    genre=genres[i],
                    birth_city=birth_city,
                    birth_day=f"{month} {between(rng, 1, 28)}",
                    birth_year=birth_year,
                    titles=(titles[2 * i], titles[2 * i + 1]),
                    title_years=(first_title_year, second_title_year),
                    awards=(awards[2 * i], awards[2 * i + 1]),
                    award_years=(first_award_year, second_award_year),
                    father=fathers[i],
                    mother=pick(rng, [o for o in tables.OCCUPATIONS if o != fathers[i]]),
                    email=_email(rng, given, surname),
                    address=f"{number} {streets[i]} {street_type}, {home_city}",
                    surroundings=pick(rng, tables.SURROUNDINGS),
                )
            )
    return tuple(shuffled(rng, authors))


def _fields(author: Author) -> dict[str, str]:
    """The template fields of an author."""
    pronouns = _PRONOUNS[author.is_woman]
    return {
        **pronouns,
        "self": f"{pronouns['obj']}self",
        "name": author.name,
        "nationality": _with_article(author.nationality),
        "country": author.country,
        "genre": author.genre.name,
        "subjects": author.genre.subjects,
        "birth_city": author.birth_city,
        "birth_day": author.birth_day,
        "birth_year": str(author.birth_year),
        "birth_date": author.birth_date,
        "first_title": author.titles[0],
        "second_title": author.titles[1],
        "first_year": str(author.title_years[0]),
        "second_year": str(author.title_years[1]),
        "first_award": author.awards[0],
        "second_award": author.awards[1],
        "first_award_year": str(author.award_years[0]),
        "second_award_year": str(author.award_years[1]),
        "father": _with_article(author.father.name),
        "mother": _with_article(author.mother.name),
        "father_lesson": author.father.lesson,
        "mother_lesson": author.mother.lesson,
        "email": author.email,
        "address": author.address,
        "surroundings": author.surroundings,
    }


def _with_article(noun: str) -> str:
    """`noun` after "a" or "an"; "Ukrainian" begins with a consonant sound."""
    lowered = noun.lower()
    vowel_sound = lowered[0] in "aeiou" and not lowered.startswith(("uk", "uni", "eu"))
    return f"{'an' if vowel_sound else 'a'} {noun}"


def _email(rng: Random, given: str, surname: str) -> str:
    """An e-mail address from the name; the form varies, so that it cannot simply be guessed."""
    given, surname = _ascii_letters(given), _ascii_letters(surname)
    local = pick(rng, tables.EMAIL_FORMS).format(given=given, surname=surname, initial=given[0])
    return f"{local}@{pick(rng, tables.EMAIL_DOMAINS)}"


def _ascii_letters(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", name).lower()
    return "".join(c for c in decomposed if "a" <= c <= "z")


def _titles(rng: Random, count: int) -> list[str]:
    """Distinct book titles, two for each author in a row; the two share no form or noun."""
    titles: list[str] = []
    while len(titles) < 2 * count:
        forms = shuffled(rng, tables.TITLE_FORMS)[:2]
        new = [
            form.format(
                noun=noun,
                adjective=pick(rng, tables.TITLE_ADJECTIVES),
                person=pick(rng, tables.TITLE_PERSONS),
            )
            for form, noun in zip(forms, shuffled(rng, tables.TITLE_NOUNS), strict=False)
        ]
        if not any(title in titles for title in new):
            titles += new
    return titles
