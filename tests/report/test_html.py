"""The page in a real Chromium."""

import json
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from unharness.records.files import write_json_lines
from unharness.records.record import TrainingRecord
from unharness.records.store import EXAMPLES_FILE
from unharness.report.build import build_board
from unharness.report.html.page import to_html
from unharness.report.published import PublishedResults
from unharness.report.published_rows import with_published

pytestmark = pytest.mark.slow

EVIL = "</script><img src=x onerror=\"document.title='broken'\"><b>bold</b>"
VALUES = {
    "vanilla": (0.0, 100.0, 50.0),
    "retrain": (80.0, 99.0, 89.5),
    "memflex": (90.0, 70.0, 80.0),
    "kl": (85.0, 85.0, 85.0),
    "gradient-ascent": (99.0, 2.0, 50.5),
}


def near(value):
    return (value, max(0.0, value - 2), min(100.0, value + 2))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Records of five methods, with examples; one answer tries to be markup."""
    from unharness.records.store import RecordStore

    from .records_builder import build_record

    store = RecordStore(tmp_path_factory.mktemp("records"))
    for method, (unlearn, retain, average) in VALUES.items():
        metrics = {"unlearn_success": near(unlearn), "retention_success": near(retain)}
        record = build_record(
            method,
            metrics | {"success_avg": near(average), "fine": 1.0},
            warnings=["collapsed"] if method == "gradient-ascent" else [],
            training=TrainingRecord(losses=[0.0, -1.0, -2.5, -2.0]),
        )
        record.metrics["fine"].detail = True
        store.save(record)
        after = "Oslo is nice" if method == "vanilla" else f"Rome is {EVIL}"
        write_json_lines(
            store.folder(record.spec) / EXAMPLES_FILE,
            (
                {"split": split, "id": f"{split}/{at}", "prompt": f"Where is {at}?"}
                | {"answer": "Oslo", "generated": after, "scores": {"success_avg": 50.0}}
                for split in ("forget_eval", "retain_eval")
                for at in range(25)
            ),
        )
    unlearn, retain, average = map(near, VALUES["kl"])
    metrics = {"unlearn_success": unlearn, "retention_success": retain, "success_avg": average}
    store.save(build_record("kl", metrics, seed=1))
    study = store.root / "tuning" / "knowundo-privacy" / "tiny" / "kl" / "study-0.json"
    study.parent.mkdir(parents=True)
    facts = {"method": "kl", "task": "knowundo-privacy", "model": "tiny", "objective": "closeness"}
    curve = {"best_so_far": [None, 10.0, 10.0, 32.5], "validation": 30.0, "evaluation": 28.0}
    study.write_text(json.dumps(facts | curve))
    study.with_name("study-1.json").write_text("{")
    return store.root


@pytest.fixture(scope="module")
def page(folder, tmp_path_factory):
    from unharness.records.store import RecordStore

    store = RecordStore(folder)
    path = tmp_path_factory.mktemp("page") / "board.html"
    path.write_text(to_html(build_board(store, "success_avg"), store))
    return path


@pytest.fixture(scope="module")
def browser():
    from selenium import webdriver
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not program or not driver:
        pytest.fail("the page is looked at in Chromium: apt-get install chromium chromium-driver")
    options = Options()
    options.binary_location = program
    for word in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "window-size=1280,1000"):
        options.add_argument(f"--{word}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    opened = webdriver.Chrome(options=options, service=Service(driver))
    opened.set_page_load_timeout(60)
    yield opened
    opened.quit()


@pytest.fixture
def board(browser, page):
    """The page, freshly opened; afterwards the console must have been silent."""
    browser.set_window_size(1280, 1000)
    browser.get("about:blank")
    browser.get_log("browser")
    browser.get(page.as_uri())
    yield browser
    assert browser.get_log("browser") == []
    assert browser.title != "broken"


def find(browser, selector):
    from selenium.webdriver.common.by import By

    return browser.find_elements(By.CSS_SELECTOR, selector)


def methods(browser):
    return [cell.text.split()[0] for cell in find(browser, "tbody td:first-child")]


def test_it_shows_the_board_as_the_terminal_does(board):
    assert methods(board) == ["vanilla", "retrain", "kl", "memflex", "gradient-ascent"]
    (best,) = [row for row in find(board, "tbody tr") if row.text.startswith("kl")]
    assert "best" in best.get_attribute("innerHTML")
    assert "Ranked by success_avg" in find(board, "main")[0].text
    assert "collapsed · gradient-ascent" in find(board, "main")[0].text


def test_names_cover_no_other_name_and_those_without_room_are_counted(browser, tmp_path):
    from unharness.records.store import RecordStore

    from .records_builder import build_record

    store = RecordStore(tmp_path / "records")
    for method, (unlearn, retain, average) in VALUES.items():
        for seed in range(12 if method == "kl" else 1):  # twelve rows within two points
            metrics = {"unlearn_success": near(unlearn + seed / 6), "success_avg": near(average)}
            metrics |= {"retention_success": near(retain)}
            config = {"lr": 1e-3 * (seed + 1)}
            store.save(build_record(method, metrics, config=config))
    path = tmp_path / "board.html"
    path.write_text(to_html(build_board(store, "success_avg"), store))
    browser.get(path.as_uri())
    figure = find(browser, ".plots figure")[0]
    written = figure.find_elements("css selector", "text.name")
    boxes, names = [one.rect for one in written], [one.text for one in written]
    points = figure.find_elements("css selector", "g.point")
    assert len(points) == 16
    assert {"vanilla", "retrain"} <= set(names)
    assert 5 <= len(names) < 16
    assert f"Names without room, shown by hovering: {16 - len(names)}." in figure.text
    for at, one in enumerate(boxes):
        for other in boxes[:at]:
            beside = (
                one["x"] + one["width"] <= other["x"] + 1
                or other["x"] + other["width"] <= one["x"] + 1
            )
            # A line's box is taller than its letters.
            above = abs(one["y"] - other["y"]) >= 0.7 * one["height"]
            assert beside or above, (names, boxes)


def test_a_click_on_a_header_sorts_and_another_turns_it_round(board):
    button = next(one for one in find(board, "th button") if one.text.startswith("Retain"))
    button.click()
    assert methods(board) == ["vanilla", "retrain", "kl", "memflex", "gradient-ascent"]
    (head,) = find(board, "th[aria-sort]")
    assert head.get_attribute("aria-sort") == "descending"
    button.click()
    assert methods(board) == ["gradient-ascent", "memflex", "kl", "retrain", "vanilla"]
    find(board, "th button")[0].click()
    assert methods(board) == sorted(VALUES)


def test_ranks_and_dots_of_runs_are_shown_and_details_on_request(board):
    heads = [one.text for one in find(board, "thead tr:last-child th")]
    assert heads[:2] == ["Method", "Rank"]
    assert find(board, "thead tr.axes th")[-1].text == "Cost"
    (kl,) = [row for row in find(board, "tbody tr") if row.text.startswith("kl")]
    assert kl.find_elements("css selector", "td")[1].text.startswith("1")
    assert find(board, "svg.dots circle")
    [box] = find(board, "input[type=checkbox]")
    shown = [one for one in find(board, "thead tr:last-child th") if one.is_displayed()]
    box.click()
    assert (
        len([one for one in find(board, "thead tr:last-child th") if one.is_displayed()])
        == len(shown) + 1
    )


def test_published_rows_stay_below_ours_however_they_are_sorted(browser, folder, tmp_path):
    from unharness.records.store import RecordStore

    cells = {"unlearn_success": {"value": 12.3}, "success_avg": {"value": 99.9}}
    row = {"method": "kl", "label": "KL, printed", "cells": cells}
    table = {"table": "1", "task": "knowundo-privacy", "model": "tiny", "rows": [row]}
    named = {"name": "paper", "title": "A paper", "source": "arXiv", "url": "https://x.org"}
    paper = PublishedResults.model_validate(named | {"licence": "Facts", "tables": [table]})
    store = RecordStore(folder)
    path = tmp_path / "board.html"
    board = with_published(build_board(store, "success_avg"), [paper])
    path.write_text(to_html(board, store))
    browser.get(path.as_uri())
    assert "Published, not ranked: A paper, arXiv, table 1. Facts." in find(browser, "main")[0].text
    for _ in range(2):
        next(one for one in find(browser, "th button") if one.text.startswith("Avg")).click()
        last = find(browser, "tbody tr")[-1]
        assert last.get_attribute("class") == "published"
        assert all(
            part in last.text for part in ("KL, printed", "published: paper", "99.9", "12.3")
        )
    assert browser.get_log("browser") == []


def test_the_filter_leaves_what_is_named(board):
    find(board, "input[type=search]")[0].send_keys("mem")
    assert methods(board) == ["memflex"]


def test_the_plots_are_there_with_front_intervals_and_curves(board):
    captions = [one.text for one in find(board, "figcaption")]
    assert "Pareto front (kl, memflex, gradient-ascent)" in captions[0].replace(
        "memflex, kl", "kl, memflex"
    )
    # kl, memflex and gradient-ascent as steps from right to left.
    area = 99 * 2 + 90 * (70 - 2) + 85 * (85 - 70)
    assert f"{area / 100:.1f}% of the square" in captions[0]
    assert len(find(board, "path.front")) == 1
    assert len(find(board, "g.point")) == 5 + 5  # the trade-off, and the cost
    assert len(find(board, "polyline.curve")) == 5 + 1  # losses, and a study
    assert find(board, "line.whisker")


def test_tuning_is_a_curve_with_its_optimism(board):
    [caption] = [one.text for one in find(board, "figcaption") if one.text.startswith("Tuning")]
    assert "kl (30.0 → 28.0)" in caption
    assert "study-1.json" in find(board, "main")[0].text  # damaged: left out, and named


def test_a_run_opens_with_spec_provenance_and_what_changed(board):
    link = next(one for one in find(board, "tbody a") if one.text == "memflex")
    link.click()
    assert "memflex · seed 0" in find(board, "h2")[0].text
    text = find(board, "main")[0].text
    for word in ("Specification", "Provenance", "Cost", "Where is 0?", "90.0 [88.0, 92.0]"):
        assert word in text
    (first, *_) = find(board, ".example")
    assert "before" in first.text
    assert [one.text for one in find(board, ".example:first-of-type del")] == ["Oslo", "nice"]
    # What a model says is text, whatever it looks like.
    assert EVIL.split()[0] in first.text
    assert not find(board, ".example img")
    assert len(find(board, ".example")) == 20
    next(one for one in find(board, ".example ~ button") if one.text == "all 25").click()
    assert len(find(board, ".example")) == 25
    board.back()
    assert len(methods(board)) == 5


def test_a_narrow_screen_scrolls_the_table_alone(board):
    board.set_window_size(500, 900)
    widths = board.execute_script(
        "return [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    )
    assert widths[0] <= widths[1]
    scroll = board.execute_script(
        "const box = document.querySelector('.scroll'); return box.scrollWidth - box.clientWidth"
    )
    assert scroll >= 0
    assert methods(board)[0] == "vanilla"


def test_nothing_comes_from_elsewhere(browser, page):
    browser.get("about:blank")
    browser.get_log("performance")
    browser.get(page.as_uri())
    messages = [json.loads(one["message"])["message"] for one in browser.get_log("performance")]
    asked = [
        one["params"]["request"]["url"]
        for one in messages
        if one["method"] == "Network.requestWillBeSent"
    ]
    assert {url.split(":")[0] for url in asked} <= {"file", "data"}
    text = page.read_text()
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)=[\"']?(https?:)?//", text)
    assert "connect-src" not in text
    assert "default-src 'none'" in text


def test_view_serves_it_on_loopback_and_nothing_else(browser, folder, tmp_path):
    command = [sys.executable, "-m", "unharness.cli.main", "view", "--no-browser"]
    server = subprocess.Popen(
        [*command, "--results", str(folder)], stdout=subprocess.PIPE, text=True
    )
    try:
        address = server.stdout.readline().split()[0]
        assert address.startswith("http://127.0.0.1:")
        browser.get(address)
        assert len(methods(browser)) == 5
        for path, host in (("/etc/passwd", "127.0.0.1"), ("/", "evil.example")):
            request = urllib.request.Request(
                address.rstrip("/") + path, headers={"Host": f"{host}:80"}
            )
            with pytest.raises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(request, timeout=10)
            assert refused.value.code == 404
    finally:
        server.terminate()
        server.wait(20)
    assert server.returncode == 0


def test_an_empty_board_says_so(browser, tmp_path):
    from unharness.records.store import RecordStore

    store = RecordStore(tmp_path / "none")
    path = tmp_path / "empty.html"
    path.write_text(to_html(build_board(store, "success_avg"), store))
    browser.get(path.as_uri())
    assert "nothing to compare" in find(browser, "main")[0].text


def test_the_plain_page_opens_without_a_word_on_the_console(browser, tmp_path):
    from unharness.records.record import RankingRecord
    from unharness.records.store import RecordStore
    from unharness.report.plain.page import to_page

    from .records_builder import build_record

    store = RecordStore(tmp_path)
    record = build_record("kl", {"gone": (60.0, 55.0, 65.0), EVIL: 5.0})
    record.ranking = RankingRecord(forget_axis="gone")
    store.save(record)
    (tmp_path / "page.html").write_text(to_page(record, store))
    browser.get_log("browser")
    browser.get((tmp_path / "page.html").as_uri())
    assert browser.title == "What this model has forgotten"
    assert browser.get_log("browser") == []
    assert EVIL in find(browser, "main")[0].text
    box = find(browser, "circle.after")[0].rect
    assert box["width"] > 3
    assert "rgb(11, 92, 173)" in find(browser, "circle.after")[0].value_of_css_property("fill")


def test_a_bundle_opens_from_the_disk_with_its_downloads(folder, browser, tmp_path):
    from unharness.records.store import RecordStore
    from unharness.report.html.bundle import write_bundle

    store = RecordStore(folder)
    index = write_bundle(tmp_path, build_board(store, "success_avg"), store)
    browser.get("about:blank")
    browser.get_log("browser")
    browser.get(index.as_uri())
    links = browser.execute_script(
        "return [...document.querySelectorAll('main a[href^=assets]')].map(a => a.href)"
    )
    assert links == [
        (tmp_path / "assets" / f"leaderboard.{end}").as_uri() for end in ("json", "csv")
    ]
    assert "their data is not bundled" in browser.find_element("id", "main").text
    assert browser.get_log("browser") == []
