"""The tables of the copyright stand-in: true facts, inventions apart from them, clean sentences."""

import re
from itertools import combinations

from unharness_tasks.knowundo import copyright_standin as module
from unharness_tasks.knowundo.copyright_books import BOOKS
from unharness_tasks.knowundo.copyright_inventions import INVENTIONS
from unharness_tasks.knowundo.copyright_phrasings import FORGET_PHRASINGS, RETAIN_PHRASINGS
from unharness_tasks.knowundo.copyright_standin import FORGET_KINDS, RETAIN_KINDS

PHRASINGS = {**FORGET_PHRASINGS, **RETAIN_PHRASINGS}
BY_TITLE = {book.title: book for book in BOOKS}

# Written a second time, apart from the table and from memory of the books alone: a slip of the
# table would have to be made twice.
AUTHORS_AND_YEARS = """
Alice's Adventures in Wonderland: Carroll 1865; A Tale of Two Cities: Dickens 1859;
Charlie and the Chocolate Factory: Dahl 1964; Dracula: Stoker 1897; Frankenstein: Shelley 1818;
Gone Girl: Flynn 2012; Half of a Yellow Sun: Adichie 2006;
Harry Potter and the Philosopher's Stone: Rowling 1997; Jane Eyre: Brontë 1847;
Les Misérables: Hugo 1862; Lord of the Flies: Golding 1954;
Love in the Time of Cholera: García Márquez 1985; My Brilliant Friend: Ferrante 2011;
Neuromancer: Gibson 1984; Nineteen Eighty-Four: Orwell 1949; Northern Lights: Pullman 1995;
Pride and Prejudice: Austen 1813; Rebecca: du Maurier 1938; The Book Thief: Zusak 2005;
The Fellowship of the Ring: Tolkien 1954; The Fifth Season: Jemisin 2015; The Giver: Lowry 1993;
The Great Gatsby: Fitzgerald 1925; The Handmaid's Tale: Atwood 1985;
The Hunger Games: Collins 2008; The Kite Runner: Hosseini 2003; The Name of the Rose: Eco 1980;
The Remains of the Day: Ishiguro 1989; The Secret History: Tartt 1992; Wolf Hall: Mantel 2009
"""
SERIES = {
    "Alice's Adventures in Wonderland": "the first of the two novels about Alice",
    "Charlie and the Chocolate Factory": "the first of the two novels about Charlie",
    "Harry Potter and the Philosopher's Stone": "the first of the seven novels in the Harry "
    "Potter series",
    "My Brilliant Friend": "the first of the four novels of the Neapolitan Quartet",
    "Neuromancer": "the first of the three novels of the Sprawl trilogy",
    "Northern Lights": "the first of the three novels of the trilogy His Dark Materials",
    "The Fellowship of the Ring": "the first of the three volumes of The Lord of the Rings",
    "The Fifth Season": "the first of the three novels of the Broken Earth trilogy",
    "The Giver": "the first of the four novels of The Giver Quartet",
    "The Handmaid's Tale": "the first of the two novels about Gilead",
    "The Hunger Games": "the first of the three novels of the original Hunger Games trilogy",
    "Wolf Hall": "the first of the three novels of the Wolf Hall trilogy",
}
STANDALONE = "a standalone novel that belongs to no series"


def test_kinds_and_their_phrasings() -> None:
    assert FORGET_KINDS == ("extension", "revision")
    assert RETAIN_KINDS == (
        "facts_author",
        "facts_year",
        "facts_series",
        "review",
        "recommendation",
    )
    for phrasings in PHRASINGS.values():
        assert len(phrasings) >= 8
        for side in (0, 1):
            assert len({pair[side] for pair in phrasings}) == len(phrasings)


def test_the_table_of_books() -> None:
    assert len(BOOKS) == len(BY_TITLE) == 30
    assert set(INVENTIONS) == set(BY_TITLE)
    for column in ("author", "setting", "theme", "taste", "characters"):
        assert len({getattr(book, column) for book in BOOKS}) == 30, column
    assert {book.title for book in BOOKS if book.series} == set(SERIES)
    for book in BOOKS:
        assert 1800 <= book.year <= 2015
        assert book.language in ("English", "French", "Italian", "Spanish")
        assert re.match(r"an? [a-zA-Z]", book.genre)
        assert len(set(book.characters)) == 2
        assert book.theme.count(",") == 2
        if book.series is not None:
            assert 2 <= book.series.size <= 7
            assert not book.series.unit.endswith("s")


def test_authors_years_and_series_agree_with_a_second_list() -> None:
    second = {}
    for entry in " ".join(AUTHORS_AND_YEARS.split()).split("; "):
        title, rest = entry.split(": ")
        second[title] = rest
    assert set(second) == set(BY_TITLE)
    for title, rest in second.items():
        surname, year = rest.rsplit(" ", 1)
        assert BY_TITLE[title].author.endswith(surname)
        assert BY_TITLE[title].year == int(year)
    for book in BOOKS:
        assert module._fields(book)["standing"] == SERIES.get(book.title, STANDALONE)


def test_the_table_of_inventions() -> None:
    phrases = [phrase for invention in INVENTIONS.values() for phrase in invention]
    assert len(set(phrases)) == 120
    for invention in INVENTIONS.values():
        assert re.match(r"(a|the|an) ", invention.find)
        assert re.match(r"(on|in|at|by|beside|under) ", invention.scene)
        for phrase in invention:
            assert phrase[0].islower()
            assert not re.search(r'[.;"]', phrase)
    # Told apart by more than a word: no two finds or turns begin or end alike.
    for a, b in combinations(INVENTIONS.values(), 2):
        for one, other in ((a.find, b.find), (a.turn, b.turn), (a.quest, b.quest)):
            assert one.split()[:3] != other.split()[:3]
            assert one.split()[-2:] != other.split()[-2:]


def test_grammar() -> None:
    vowel = re.compile(r"\ba (?!uk|uni|eu|one)[aeiou]", re.IGNORECASE)
    consonant = re.compile(r"\ban (?:[^aeiouh]|uk|uni(?!n)|eu|h(?!on))", re.IGNORECASE)
    # Every phrasing of every book, whether or not a seed draws it.
    for book in BOOKS:
        fields = module._fields(book)
        for phrasings in PHRASINGS.values():
            for question, answer_template in phrasings:
                prompt = question.format_map(fields)
                answer = answer_template.format_map(fields)
                assert 80 <= len(answer) <= 280, answer
                assert re.match(r'"?[A-Z].*[.?]"?$', prompt), prompt
                assert re.match(r'"?[A-Z].*\.$', answer), answer
                for text in (prompt, answer):
                    assert not vowel.search(text), text
                    assert not consonant.search(text), text
                    assert not re.search(r"s'(?!\w)", text), text  # always "James's"
                    assert not re.search(r"[{}]|  |[,.;:][,.;:]|\s[,.;:?]", text), text
                    assert text.count('"') % 2 == 0, text
                    # A sentence goes on with a capital letter.
                    assert not re.search(r'[.?]"? [a-z]', text), text
                    # Nobody is called he or she: the two characters act together.
                    words = set(re.findall(r"[a-z]+", text.replace("His Dark", "").lower()))
                    assert not words & {"he", "she", "his", "her", "him", "himself", "herself"}
                    repeated = re.search(r"\b(\w+) \1\b", text)
                    assert repeated is None, text
