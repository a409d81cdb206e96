"""The bundled stand-in for KnowUnDo's copyright domain: sizes, facts, no leaks, determinism."""

import hashlib
import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from unharness_tasks.knowundo import copyright_standin as module
from unharness_tasks.knowundo.copyright_books import BOOKS, Book
from unharness_tasks.knowundo.copyright_inventions import INVENTIONS
from unharness_tasks.knowundo.copyright_phrasings import FORGET_PHRASINGS, RETAIN_PHRASINGS
from unharness_tasks.knowundo.copyright_standin import (
    FORGET_KINDS,
    RETAIN_KINDS,
    SIZES,
    VERSION,
    copyright_standin,
)

Items = list[dict[str, str]]
Data = dict[str, Items]

KINDS = {"forget": FORGET_KINDS, "retain": RETAIN_KINDS}
PHRASINGS = {**FORGET_PHRASINGS, **RETAIN_PHRASINGS}
BY_TITLE = {book.title: book for book in BOOKS}
SEEDS = (0, 1, 2, 17)
# Raising VERSION and renewing this digest go together.
DIGEST_OF_VERSION_1 = "fc919fe2c6bbc0ce017f81b8bc96f2871e82723a92f33af1f732f0c330bc586b"


@pytest.fixture(params=SEEDS)
def seed(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def data(seed: int) -> Data:
    return copyright_standin(seed)


def _scope(data: Data, scope: str) -> Items:
    return data[f"{scope}_train"] + data[f"{scope}_eval"]


def _digest(data: Data) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def _facts(book: Book, kind: str) -> tuple[str, ...]:
    """What every answer of this kind about this book has to contain."""
    invention = INVENTIONS[book.title]
    match kind:
        case "extension":
            return (*book.characters, invention.quest, invention.find)
        case "revision":
            return (*book.characters, invention.scene, invention.turn)
        case "facts_author":
            return (book.author, book.genre)
        case "facts_year":
            return (str(book.year), book.language)
        case "facts_series":
            return (module._fields(book)["standing"],)
        case "review":
            return (book.setting, book.theme)
        case "recommendation":
            return (book.taste, book.genre)
    raise AssertionError(kind)


def _names(text: str, phrase: str) -> bool:
    """Whether the text holds the phrase as whole words."""
    return re.search(rf"\b{re.escape(phrase)}\b", text) is not None


def test_sizes_and_fields(data: Data) -> None:
    assert {name: len(items) for name, items in data.items()} == SIZES
    assert SIZES == {
        "forget_train": 374,
        "forget_eval": 103,
        "retain_train": 894,
        "retain_eval": 219,
    }
    assert SIZES["forget_train"] + SIZES["forget_eval"] == 477
    assert SIZES["retain_train"] + SIZES["retain_eval"] == 1113
    for name, items in data.items():
        for item in items:
            assert list(item) == ["prompt", "answer", "book", "kind", "phrasing"]
            assert item["kind"] in KINDS[name.split("_")[0]]
            assert 0 <= int(item["phrasing"]) < len(PHRASINGS[item["kind"]])
            assert item["book"] in item["prompt"]


def test_prompts_and_answers_are_unique(data: Data) -> None:
    items = [item for part in data.values() for item in part]
    assert len({item["prompt"] for item in items}) == len(items)
    assert len({item["answer"] for item in items}) == len(items)


@pytest.mark.parametrize("scope", ["forget", "retain"])
def test_lists_cover_every_book_and_kind_evenly(data: Data, scope: str) -> None:
    for name in (f"{scope}_train", f"{scope}_eval"):
        counts = Counter((item["book"], item["kind"]) for item in data[name])
        assert set(counts) == {(title, kind) for title in BY_TITLE for kind in KINDS[scope]}
        for grouped in (
            counts,
            Counter(item["book"] for item in data[name]),
            Counter(item["kind"] for item in data[name]),
        ):
            assert max(grouped.values()) - min(grouped.values()) <= 1


@pytest.mark.parametrize("name", list(SIZES))
def test_every_phrasing_is_used_about_equally_often(data: Data, name: str) -> None:
    counts = Counter((item["kind"], item["phrasing"]) for item in data[name])
    kinds = KINDS[name.split("_")[0]]
    assert set(counts) == {(k, str(n)) for k in kinds for n in range(len(PHRASINGS[k]))}
    for kind in kinds:
        of_kind = [count for key, count in counts.items() if key[0] == kind]
        assert max(of_kind) - min(of_kind) <= 4


@pytest.mark.parametrize("scope", ["forget", "retain"])
def test_eval_asks_a_learned_fact_in_a_new_phrasing(data: Data, scope: str) -> None:
    learned: dict[tuple[str, str], set[str]] = {}
    for item in data[f"{scope}_train"]:
        learned.setdefault((item["book"], item["kind"]), set()).add(item["phrasing"])
    for item in data[f"{scope}_eval"]:
        seen = learned[item["book"], item["kind"]]
        assert len(seen) >= 5
        assert item["phrasing"] not in seen


def test_every_answer_holds_its_facts_and_no_prompt_gives_them_away(data: Data) -> None:
    for items in data.values():
        for item in items:
            book = BY_TITLE[item["book"]]
            facts = _facts(book, item["kind"])
            assert all(fact in item["answer"] for fact in facts), item
            # The characters may be asked about; what becomes of them is the secret.
            secrets = [fact for fact in facts if fact not in book.characters]
            assert len(secrets) >= 1
            assert not any(fact in item["prompt"] for fact in secrets), item


def test_no_item_speaks_of_another_book(data: Data) -> None:
    owners = {
        phrase: book.title
        for book in BOOKS
        for phrase in (book.author, book.theme, book.setting, *INVENTIONS[book.title])
    }
    owned = re.compile(rf"\b({'|'.join(re.escape(phrase) for phrase in owners)})\b")
    for items in data.values():
        for item in items:
            text = f"{item['prompt']} {item['answer']}"
            assert set(re.findall(r'"([^"]+?),?\.?"', text)) == {item["book"]}, item
            assert {owners[phrase] for phrase in owned.findall(text)} <= {item["book"]}, item


def test_facts_answers_hold_no_wrong_fact(data: Data) -> None:
    for item in _scope(data, "retain"):
        book, answer = BY_TITLE[item["book"]], item["answer"]
        if item["kind"] == "facts_year":
            assert re.findall(r"\d+", answer) == [str(book.year)], item
            others = {"English", "French", "Italian", "Spanish"} - {book.language}
            assert not any(_names(answer, language) for language in others), item
            for century, word in ((18, "nineteenth"), (19, "twentieth"), (20, "twenty-first")):
                assert not _names(answer, word) or book.year // 100 == century, item
        if item["kind"] == "facts_series":
            standalone = book.series is None
            assert ("standalone" in answer) is standalone, item
            assert ("first of the" in answer) is not standalone, item
            assert not re.match("Yes" if standalone else "No,", answer), item


def test_no_forgotten_fact_in_retain_text(data: Data) -> None:
    for item in _scope(data, "retain"):
        text = f"{item['prompt']} {item['answer']}".replace(item["book"], "")
        book = BY_TITLE[item["book"]]
        assert not any(phrase in text for phrase in INVENTIONS[book.title]), item
        for character in book.characters:
            # Two series and two titles are named after the main character.
            assert not _names(text, character) or character in ("Harry Potter", "Alice"), item


def test_no_kept_fact_in_forget_text(data: Data) -> None:
    for item in _scope(data, "forget"):
        book = BY_TITLE[item["book"]]
        text = f"{item['prompt']} {item['answer']}"
        kept = (book.author, book.author.rsplit(" ", 1)[1], str(book.year), book.setting)
        assert not any(_names(text, fact) for fact in (*kept, book.theme, book.taste)), item
        assert book.genre.split(" ", 1)[1] not in text, item
        assert not re.search(r"\d|series|trilogy|standalone|English", text), item


def test_answer_lengths(data: Data) -> None:
    for items in data.values():
        lengths = [len(item["answer"]) for item in items]
        assert min(lengths) >= 80
        assert max(lengths) <= 280
        assert 130 <= sum(lengths) / len(lengths) <= 220


def test_same_seed_same_data_in_another_process() -> None:
    code = (
        "import hashlib, json\n"
        "from unharness_tasks.knowundo.copyright_standin import copyright_standin\n"
        "text = json.dumps(copyright_standin(3), sort_keys=True)\n"
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
        assert result.stdout.strip() == _digest(copyright_standin(3))


def test_other_seeds_give_other_data_about_the_same_books() -> None:
    several = [copyright_standin(seed) for seed in (-1, 0, 1, 2, 3)]
    assert len({_digest(data) for data in several}) == len(several)
    selections = {frozenset(item["prompt"] for item in _scope(data, "retain")) for data in several}
    assert len(selections) == len(several)
    heads = {data["forget_train"][0]["prompt"] for data in several}
    assert len(heads) > 1


def test_data_of_this_version_is_pinned() -> None:
    assert VERSION == 1
    assert _digest(copyright_standin()) == DIGEST_OF_VERSION_1
