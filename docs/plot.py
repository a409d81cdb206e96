"""Draw the README's plot: the page's own trade-off, as a headless Chromium shows it.

python docs/plot.py results/published docs/images/published.png tiny
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from unharness.records.store import RecordStore
from unharness.report.build import build_board
from unharness.report.html.page import to_html


def main(results: str, picture: str, model: str) -> None:
    """Take a picture of the first plot of a model's leaderboard."""
    store = RecordStore(results)
    options = Options()
    options.binary_location = shutil.which("chromium") or "chromium"
    for word in ("headless=new", "no-sandbox", "window-size=1300,1000"):
        options.add_argument(f"--{word}")
    options.add_argument("--force-device-scale-factor=2")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "board.html"
        page.write_text(to_html(build_board(store).narrowed((), (model,), ()), store))
        browser = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        try:
            browser.get(page.as_uri())
            figure = browser.find_element(By.CSS_SELECTOR, ".plots figure")
            figure.screenshot(picture)
        finally:
            browser.quit()


if __name__ == "__main__":
    main(*sys.argv[1:])
