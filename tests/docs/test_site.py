"""The documentation's site builds without a warning, and its pages load nothing from elsewhere."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from unharness.registry import registry

REPOSITORY = Path(__file__).resolve().parents[2]
LOADED = {"script": "src", "img": "src", "iframe": "src", "link": "href", "source": "src"}
"""By tag: the attribute that a browser loads something from."""
RELATIVE_LINK = re.compile(r"\[[^\]]*\]\((?!https?:|mailto:)([^)\s]+)\)")
BESIDE = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "results/README.md")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built with --strict."""
    from mkdocs.commands import build
    from mkdocs.config import load_config

    target = tmp_path_factory.mktemp("site")
    config = load_config(str(REPOSITORY / "mkdocs.yml"), site_dir=str(target), strict=True)
    build.build(config)  # a warning raises Abort
    return target


class Loads(HTMLParser):
    """Collects what a page makes a browser load."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        name = LOADED.get(tag)
        given: dict[str, Any] = dict(attrs)
        if name and given.get(name) and given.get("rel") not in ("canonical", "next", "prev"):
            self.found.append(given[name])


@pytest.mark.slow
def test_every_plugin_has_a_page(site):
    for kind in ("methods", "metrics", "attacks", "tasks"):
        entries = [one for one in registry().entries(kind) if one.plugin.builtin]
        assert len(entries) > 2
        for entry in entries:
            page = (site / "reference" / kind / f"{entry.name}.html").read_text(encoding="utf-8")
            assert entry.name in page


@pytest.mark.slow
def test_pages_load_nothing_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 100
    for page in pages:
        loads = Loads()
        loads.feed(page.read_text(encoding="utf-8"))
        assert loads.found
        assert [one for one in loads.found if re.match(r"(https?:)?//", one)] == []


@pytest.mark.slow
def test_the_search_finds_methods(site):
    found = (site / "search" / "search_index.json").read_text(encoding="utf-8")
    titles = {row["title"] for row in json.loads(found)["docs"]}
    assert {"npo", "tofu", "quantize", "Quickstart"} <= titles


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings."""
    from markdown.extensions.toc import slugify

    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    heads = re.findall(r"^#+ (.+)$", text, flags=re.M)
    return {slugify(head.replace("`", ""), "-") for head in heads}


@pytest.mark.parametrize("page", BESIDE)
def test_links_beside_the_site_lead_somewhere(page):
    here = REPOSITORY / page
    for link in RELATIVE_LINK.findall(here.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        target = (here.parent / path).resolve() if path else here
        assert target.exists(), link
        assert target.is_relative_to(REPOSITORY), link
        assert not anchor or anchor in anchors(target), link


def test_links_to_the_repository_become_paths_or_links(programs):
    from site_hooks import LINK, _link

    def shown(text: str, page: str, repository: str | None = None) -> str:
        here = PurePosixPath(page).parent
        return LINK.sub(lambda found: _link(found, here, repository), text)

    link = "[test_kl.py](../tests/methods/test_kl.py)"
    assert shown(link, "methods.md") == "`tests/methods/test_kl.py`"
    assert shown("[`tests`](../../tests)", "tutorials/a.md") == "`tests`"
    assert shown("[a run](../Makefile)", "index.md") == "a run (`Makefile`)"
    where = "https://example.org/unharness"
    assert shown("[a run](../Makefile)", "a.md", where) == f"[a run]({where}/blob/main/Makefile)"
    for kept in ("[x](metrics.md#a)", "[x](https://a.org/../b)", "![x](../README.md)", "[x](#y)"):
        assert shown(kept, "a.md") == kept


def test_the_picture_of_the_stages_is_that_of_the_code(programs):
    from stages_picture import RESULTS, stages, svg

    picture = REPOSITORY / "docs" / "images" / "stages.svg"
    fix = "draw it anew: python docs/stages_picture.py docs/images/stages.svg"
    assert picture.read_text(encoding="utf-8") == svg(), fix
    assert [stage.__name__ for stage, _ in stages()] == list(RESULTS)
    assert "href" not in svg()
