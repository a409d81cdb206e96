"""`unharness view`: the leaderboard in a browser, served on this machine only."""

from __future__ import annotations

import signal
import webbrowser
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import click

from unharness.cli.console import echo, tell
from unharness.cli.options import debug_option, results_option
from unharness.cli.skipped import warn, warn_of
from unharness.errors import UsageError

EPILOG = """\b
Examples:
  unharness view
  unharness view --results results/published --port 8765 --no-browser
  unharness view --results results/published --bundle site

\b
Reload the page to see new records. `unharness leaderboard --format html` writes it to a file.
"""
HOST = "127.0.0.1"


@click.command("view", epilog=EPILOG)
@results_option
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Port; 0 = any free port.",
    show_default=True,
)
@click.option("--no-browser", is_flag=True, help="Print the address, and open no browser.")
@click.option(
    "--bundle",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Serve nothing: write the page as a static site, DIR/index.html and DIR/assets.",
)
@click.option(
    "--texts",
    is_flag=True,
    help="With --bundle: show questions and answers, too, whatever the data. Without it those of "
    "data that is not bundled are left out: they may not be yours to publish.",
)
@debug_option
def view_command(
    results: Path, port: int, no_browser: bool, bundle: Path | None, texts: bool
) -> None:
    """Serve the leaderboard as a web page, on this machine only, until Ctrl-C."""
    from unharness.cli.run import interrupt

    if not results.is_dir():
        raise UsageError(f"no folder {results}; create a record: unharness run")
    if texts and bundle is None:
        raise UsageError("--texts says what a bundle shows: give --bundle DIR as well")
    if bundle is not None:
        _write_site(bundle, results, texts)
        return
    signal.signal(signal.SIGTERM, interrupt)
    try:
        server = ThreadingHTTPServer((HOST, port), partial(_Handler, results))
    except OSError as error:
        raise UsageError(
            f"port {port} cannot be used ({error.strerror}); give another --port"
        ) from error
    address = f"http://{HOST}:{server.server_address[1]}/"
    echo(f"{address}  (Ctrl-C stops the server)")
    if not no_browser:
        webbrowser.open(address)
    with server:
        try:
            server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            tell("stopped")


def _write_site(folder: Path, results: Path, texts: bool) -> None:
    """Write the page as a static site, and print where it is."""
    from unharness.records.store import RecordStore
    from unharness.report.build import build_board
    from unharness.report.html.bundle import write_bundle

    store = RecordStore(results)
    board = build_board(store)
    warn_of(board)
    echo(str(write_bundle(folder, board, store, warn, texts=texts)))


class _Handler(BaseHTTPRequestHandler):
    """Answers with the page, made anew each time, and with nothing else."""

    def __init__(self, results: Path, *arguments: object) -> None:
        self._results = results
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        """Answer `/`."""
        # A page of somewhere else must not read this one through a name of its own.
        host = (self.headers.get("Host") or "").rsplit(":", 1)[0]
        if self.path != "/" or host not in (HOST, "localhost"):
            self.send_error(404)
            return
        from unharness.records.store import RecordStore
        from unharness.report.build import build_board
        from unharness.report.html.page import to_html

        store = RecordStore(self._results)
        board = build_board(store)
        warn_of(board)
        body = to_html(board, store, warn).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing of requests."""
