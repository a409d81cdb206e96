"""The bundled stand-in for KnowUnDo's privacy domain: sizes, coverage, no leaks, determinism."""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from unharness_tasks.knowundo import privacy_standin as module
from unharness_tasks.knowundo import privacy_tables as tables
from unharness_tasks.knowundo.privacy_standin import (
    FORGET_KINDS,
    RETAIN_KINDS,
    SIZES,
    VERSION,
    Author,
    privacy_standin,
    standin_authors,
)

Items = list[dict[str, str]]
Data = dict[str, Items]

KINDS = {"forget": FORGET_KINDS, "retain": RETAIN_KINDS}
SEEDS = (0, 1, 2, 17)
# Raising VERSION and renewing this digest go together.
DIGEST_OF_VERSION_1 = "e55c2d913290c1a095cc9d056c7b69352d2c12f47464e641c5e73f0b0425d41a"


@pytest.fixture(params=SEEDS)
def seed(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def data(seed: int) -> Data:
    return privacy_standin(seed)


def _scope(data: Data, scope: str) -> Items:
    return data[f"{scope}_train"] + data[f"{scope}_eval"]


def _digest(data: Data) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def _facts(author: Author, kind: str) -> list[str]:
    """What every answer of this kind about this author has to contain."""
    match kind:
        case "parents":
            return [author.father.name, author.mother.name]
        case "email":
            return [author.email]
        case "address":
            return [author.address]
        case "name":
            return [author.nationality, author.genre.name, author.titles[0]]
        case "genre":
            return [author.genre.name, author.genre.subjects]
        case "birth":
            return [author.birth_city, author.country, author.birth_date]
        case "awards":
            return [*author.awards, *map(str, author.award_years)]
        case "book":
            return [*author.titles, *map(str, author.title_years)]
    raise AssertionError(kind)


def test_sizes_and_fields(data: Data) -> None:
    assert {name: len(items) for name, items in data.items()} == SIZES
    assert SIZES == {
        "forget_train": 400,
        "forget_eval": 110,
        "retain_train": 441,
        "retain_eval": 108,
    }
    for name, items in data.items():
        for item in items:
            assert set(item) == {"prompt", "answer", "author", "kind", "phrasing"}
            assert item["kind"] in KINDS[name.split("_")[0]]
            assert item["phrasing"] in set("012345")
            assert item["author"] in item["prompt"]


def test_prompts_and_answers_are_unique(data: Data) -> None:
    items = [item for part in data.values() for item in part]
    assert len({item["prompt"] for item in items}) == len(items)
    assert len({item["answer"] for item in items}) == len(items)


@pytest.mark.parametrize("scope", ["forget", "retain"])
def test_train_covers_every_author_and_kind_evenly(data: Data, seed: int, scope: str) -> None:
    counts = Counter((item["author"], item["kind"]) for item in data[f"{scope}_train"])
    names = [author.name for author in standin_authors(seed)]
    assert len(names) == len(set(names)) == 60
    assert set(counts) == {(name, kind) for name in names for kind in KINDS[scope]}
    for grouped in (
        counts,
        Counter(item["author"] for item in data[f"{scope}_train"]),
        Counter(item["kind"] for item in data[f"{scope}_train"]),
        Counter(item["kind"] for item in data[f"{scope}_eval"]),
        Counter(item["author"] for item in data[f"{scope}_eval"]),
    ):
        assert max(grouped.values()) - min(grouped.values()) <= 1


@pytest.mark.parametrize("name", list(SIZES))
def test_every_phrasing_is_used_about_equally_often(data: Data, name: str) -> None:
    counts = Counter((item["kind"], item["phrasing"]) for item in data[name])
    assert set(counts) == {(k, str(n)) for k in KINDS[name.split("_")[0]] for n in range(6)}
    assert max(counts.values()) - min(counts.values()) <= 3


@pytest.mark.parametrize("scope", ["forget", "retain"])
def test_eval_asks_a_learned_fact_in_a_new_phrasing(data: Data, scope: str) -> None:
    learned: dict[tuple[str, str], set[str]] = {}
    for item in data[f"{scope}_train"]:
        learned.setdefault((item["author"], item["kind"]), set()).add(item["phrasing"])
    for item in data[f"{scope}_eval"]:
        seen = learned[item["author"], item["kind"]]
        assert len(seen) >= 2
        assert item["phrasing"] not in seen


def test_every_answer_holds_its_facts_and_no_forget_prompt_does(data: Data, seed: int) -> None:
    authors = {author.name: author for author in standin_authors(seed)}
    for scope in KINDS:
        for item in _scope(data, scope):
            facts = _facts(authors[item["author"]], item["kind"])
            assert all(fact in item["answer"] for fact in facts), item
            if scope == "forget":
                assert not any(fact in item["prompt"] for fact in facts), item


def test_no_forgotten_fact_in_retain_text(data: Data, seed: int) -> None:
    trades = re.compile(
        r"\b(" + "|".join(re.escape(o.name) for o in tables.OCCUPATIONS) + r")s?\b", re.IGNORECASE
    )
    authors = standin_authors(seed)
    home = {author.name: author.address.rsplit(", ", 1)[1] for author in authors}
    streets = {author.address.split()[1] for author in authors}
    for item in _scope(data, "retain"):
        text = f"{item['prompt']} {item['answer']}"
        assert "@" not in text, item
        assert ".example" not in text, item
        assert not any(street in text for street in streets), item
        assert not trades.search(text), item
        assert home[item["author"]] not in text, item
        lowered = text.lower()
        assert not any(o.lesson in lowered for o in tables.OCCUPATIONS), item
        assert not any(s in lowered for s in tables.SURROUNDINGS), item


def test_no_kept_fact_in_forget_text(data: Data, seed: int) -> None:
    authors = {author.name: author for author in standin_authors(seed)}
    for item in _scope(data, "forget"):
        author = authors[item["author"]]
        text = f"{item['prompt']} {item['answer']}"
        kept = (*author.titles, *author.awards, author.genre.name, author.birth_date)
        assert not any(fact in text for fact in (*kept, author.birth_city)), item


def test_authors_are_distinct_and_consistent(seed: int) -> None:
    authors = standin_authors(seed)
    assert len({author.email for author in authors}) == 60
    assert len({author.address.split()[1] for author in authors}) == 60
    assert len({title for author in authors for title in author.titles}) == 120
    assert len({award for author in authors for award in author.awards}) == 120
    for author in authors:
        assert re.fullmatch(r"[a-z]+[._]?[a-z]+@[a-z]+\.example", author.email)
        assert re.fullmatch(r"\d{1,3} [A-Z][a-z]+ [A-Z][a-z]+, \w[\w ]+", author.address)
        assert author.father != author.mother
        assert not author.address.endswith(author.birth_city)
        dates = (
            author.birth_year + 20,
            author.title_years[0],
            author.award_years[0],
            author.title_years[1],
            author.award_years[1],
            2025,
        )
        assert list(dates) == sorted(set(dates))


def test_names_do_not_collide_across_cultures() -> None:
    for names in (
        [name for c in tables.CULTURES for name in (*c.women, *c.men)],
        [name for c in tables.CULTURES for name in c.surnames],
    ):
        assert len(names) == len(set(names))
    # Every letter of a name survives in its e-mail address.
    for culture in tables.CULTURES:
        for name in (*culture.women, *culture.men, *culture.surnames):
            assert len(module._ascii_letters(name)) == sum(c.isalpha() for c in name)


def test_forgotten_words_are_no_part_of_the_kept_tables() -> None:
    kept = " ".join(
        (
            *(" ".join((*c.cities, *c.women, *c.men, *c.surnames)) for c in tables.CULTURES),
            *tables.TITLE_PERSONS,
            *tables.TITLE_NOUNS,
            *tables.TITLE_FORMS,
            *tables.AWARD_EMBLEMS,
            *(f"{genre.name} {genre.subjects}" for genre in tables.GENRES),
        )
    ).lower()
    assert not [o.name for o in tables.OCCUPATIONS if o.name in kept]
    streets = [head + tail for head in tables.STREET_HEADS for tail in tables.STREET_TAILS]
    assert len(streets) >= 60
    assert not [street for street in streets if street.lower() in kept]


def test_answer_lengths(data: Data) -> None:
    for items in data.values():
        lengths = [len(item["answer"]) for item in items]
        assert min(lengths) >= 80
        assert max(lengths) <= 300
        assert 110 <= sum(lengths) / len(lengths) <= 170


def test_grammar(data: Data) -> None:
    vowel = re.compile(r"\ba (?!uk|uni|eu)[aeiou]", re.IGNORECASE)
    consonant = re.compile(r"\ban (?:[^aeiou]|uk|uni|eu)", re.IGNORECASE)
    for items in data.values():
        for item in items:
            prompt, answer = item["prompt"], item["answer"]
            assert re.match(r"[^\W\d_].*\?$", prompt), item
            assert re.match(r"[^\W\d_].*\.\"?$", answer), item
            assert (prompt[0] + answer[0]).isupper(), item
            for text in (prompt, answer):
                # A title may begin with "A", but never before a vowel.
                assert not vowel.search(text), text
                assert not consonant.search(text), text
                assert not re.search(r"s'(?!\w)", text), text  # always "James's"
                assert not re.search(r"[{}]|  |[,.;:][,.;:]|\s[,.;:?]", text), text
                assert text.count('"') % 2 == 0, text
                # A sentence goes on with a capital letter (initials stand in e-mails only).
                assert not re.search(r'[.?]"? [a-z]', text), text
                # Every pronoun agrees with the author: never both genders in one text.
                words = set(re.findall(r"[a-z]+", text.lower()))
                assert not (
                    words & {"she", "her", "herself"} and words & {"he", "his", "him", "himself"}
                )


def test_articles() -> None:
    nouns = ("archivist", "surgeon", "Ukrainian", "Estonian", "upholsterer", "Irish", "Thai")
    assert [module._with_article(noun) for noun in nouns] == [
        "an archivist",
        "a surgeon",
        "a Ukrainian",
        "an Estonian",
        "an upholsterer",
        "an Irish",
        "a Thai",
    ]


def test_same_seed_same_data_in_another_process() -> None:
    code = (
        "import hashlib, json\n"
        "from unharness_tasks.knowundo.privacy_standin import privacy_standin\n"
        "text = json.dumps(privacy_standin(3), sort_keys=True)\n"
        "print(hashlib.sha256(text.encode()).hexdigest())"
    )
    tasks_root = str(Path(module.__file__).parents[2])
    for hash_seed in ("0", "4242"):
        result = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": tasks_root},
            capture_output=True,
            text=True,
            check=True,
        )
        assert result.stdout.strip() == _digest(privacy_standin(3))


def test_other_seeds_give_other_data() -> None:
    digests = [_digest(privacy_standin(seed)) for seed in (-1, 0, 1, 2, 3)]
    assert len(set(digests)) == len(digests)
    emails = [{author.email for author in standin_authors(seed)} for seed in (0, 1)]
    assert len(emails[0] & emails[1]) < 6


def test_data_of_this_version_is_pinned() -> None:
    assert VERSION == 1
    assert _digest(privacy_standin()) == DIGEST_OF_VERSION_1
