"""The page itself: template, style, script and data in one file.

A Content-Security-Policy lets nothing run or load but the script and the style of the page, by
their hashes. Texts from records reach the page as data and are set as text, never as markup.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from unharness.records.record import RunRecord
from unharness.records.store import RecordStore
from unharness.report.html.parts import bundled, policy_hash
from unharness.report.html.payload import payload
from unharness.report.rows import Board
from unharness.safe_text import to_json

PACKAGE = "unharness.report.html"
TITLE = "unharness leaderboard"
SCRIPTS = ("dom.js", "table.js", "plots.js", "run.js", "main.js")


def to_html(
    board: Board,
    store: RecordStore,
    warn: Callable[[str], None] = lambda text: None,
    *,
    texts: Callable[[RunRecord], bool] | None = None,
    downloads: Sequence[str] = (),
) -> str:
    """Return the board as one HTML file.

    Args:
        board: what is shown.
        store: where its records and their examples lie.
        warn: told of every file of examples that cannot be read; the page names it as well.
        texts: whether a record's questions and answers may be shown; None: all may.
        downloads: paths of files that the page links to, relative to it.
    """
    from jinja2 import Environment, select_autoescape

    values = payload(board, store, texts) | {"downloads": list(downloads)}
    for text in values["warnings"][len(board.warnings) :]:
        warn(text)
    style = bundled(PACKAGE, "style.css")
    script = "'use strict';\n" + "\n".join(bundled(PACKAGE, name) for name in SCRIPTS)
    template = Environment(autoescape=select_autoescape(default=True)).from_string(
        bundled(PACKAGE, "page.html")
    )
    return template.render(
        title=TITLE,
        style=style,
        script=script,
        style_hash=policy_hash(style),
        script_hash=policy_hash(script),
        data=_data(values),
    )


def _data(values: object) -> str:
    """Return JSON that no HTML parser takes for markup."""
    text = to_json(values, indent=None)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
