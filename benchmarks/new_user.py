"""What a new user does first, in a fresh environment, as a transcript with times.

From the scaffold of a method to its row on a leaderboard, from own facts to a report, the planted
faults, and the documentation:

    python benchmarks/new_user.py --out docs/transcript.md

It installs this checkout with pip into a fresh virtual environment with an empty HOME, and stops at
the first command that fails.
"""

from __future__ import annotations

import argparse
import html
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from alternating import machine

REPOSITORY = Path(__file__).resolve().parents[1]
LINES = 28
"""The most lines of a command's output; the middle of a longer one is left out."""
COLUMNS = "prompt=question,answer=response,group=person"
FACTS = f"--task ./forget.csv --retain ./keep.csv --columns {COLUMNS}"
EDIT = (
    "sed -i"
    " -e 's|summary = .*|summary = \"Ascent that levels off, descent on the retain set.\"|'"
    " -e 's|forget = .*|forget = sequence_nll(model, batch[\"forget\"]) / self.config.ceiling|'"
    " -e 's|retain - forget)|retain - self.config.ceiling * forget.tanh())|'"
    " levelled-ascent/src/unharness_levelled_ascent.py"
)
PEOPLE = {
    "forget": (
        "Nils Ada Bror Runa Odd Siv",
        "Orrin Valden Brask Ilmar Tessen Quarn",
        "glazier cooper notary farrier surveyor chandler",
    ),
    "keep": (
        "Ole Liv Per Tuva Ann Kai",
        "Stell Venn Dorrow Hask Liden Marn",
        "baker weaver pilot miller tanner potter",
    ),
}
"""First names, towns and trades, by list."""


@dataclass(frozen=True)
class Part:
    """One goal of the user, and its commands."""

    title: str
    commands: tuple[str, ...]
    says: str = ""


def parts(python: str) -> list[Part]:
    """Return what is done, in order; paths are relative to an empty folder."""
    torch = re.search(r"TORCH\s*:= (\S+)", (REPOSITORY / "Makefile").read_text())
    assert torch
    micro = "--model micro --data standin"
    return [
        Part(
            "Install",
            (
                f"{python} -m venv venv",
                "python -m pip install --quiet 'pip>=25.1'",
                f"pip install --quiet torch=={torch[1]}",
                "pip install --quiet -c $UNHARNESS/constraints.txt $UNHARNESS",
            ),
            "Once. `$UNHARNESS` is a clone of the repository.",
        ),
        Part(
            "A method of your own, on a leaderboard",
            (
                "unharness new method levelled-ascent",
                "cp levelled-ascent/src/unharness_levelled_ascent.py before.py",
                EDIT,
                "! diff before.py levelled-ascent/src/unharness_levelled_ascent.py",
                'pip install --quiet -c $UNHARNESS/constraints.txt -e "levelled-ascent[test]"',
                "pytest -q levelled-ascent",
                f"unharness sweep --method levelled-ascent,gradient-difference --seed 0..1 {micro}",
                "unharness leaderboard --model micro"
                " --columns closeness,unlearn_success,retention_success",
            ),
            "The scaffold works at once; three lines make it another method.",
        ),
        Part(
            "Your own facts, and a page that a privacy officer can read",
            (
                "wc -l forget.csv keep.csv",
                "head -3 forget.csv",
                f"unharness facts check forget.csv --retain keep.csv --columns {COLUMNS}",
                f"unharness sweep --method gradient-difference --model micro {FACTS}",
                "unharness run --method gradient-difference --model micro"
                f" {FACTS} --report page.html",
            ),
            "Two lists of invented people. The sweep makes the models that never saw the facts.",
        ),
        Part(
            "The planted faults",
            (
                "pip install --quiet -c $UNHARNESS/constraints.txt"
                " --group $UNHARNESS/pyproject.toml:dev",
                "pytest -q $UNHARNESS/tests/testing/test_planted_faults.py -p no:cacheprovider",
            ),
            "Each is a plugin with one defect, and is found by the check that is meant for it.",
        ),
        Part(
            "The documentation",
            ("mkdocs build --strict --quiet -f $UNHARNESS/mkdocs.yml -d $PWD/site",),
        ),
    ]


@dataclass
class Shell:
    """Runs commands in a folder, in the virtual environment that the first one creates."""

    folder: Path
    home: Path

    def run(self, command: str) -> tuple[str, float]:
        """Return what a command printed and its seconds."""
        kept = ("LANG", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_CONFIG_FILE")
        environment = {name: os.environ[name] for name in kept if name in os.environ}
        environment |= {
            "HOME": str(self.home),
            "PATH": f"{self.folder / 'venv' / 'bin'}:/usr/local/bin:/usr/bin:/bin",
            "UNHARNESS": str(REPOSITORY),
            "COLUMNS": "100",
            "NO_MKDOCS_2_WARNING": "1",
        }
        began = time.perf_counter()
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - began
        print(f"{seconds:7.1f} s  {command}", file=sys.stderr, flush=True)
        if done.returncode:
            raise SystemExit(f"{command}\n{done.stdout}\nexit code {done.returncode}")
        return done.stdout.replace(str(self.folder), "."), seconds


def write_facts(folder: Path) -> None:
    """Write two lists of invented people, two questions each."""
    for name, words in PEOPLE.items():
        rows = ["question,response,person"]
        for given, town, trade in zip(*(text.split() for text in words), strict=True):
            for family in ("Ferrow", "Hald"):
                person = f"{given} {family}"
                rows.append(f"Where was {person} born?,In {town}.,{person}")
                rows.append(f"What does {person} do?,{person} is a {trade}.,{person}")
        (folder / f"{name}.csv").write_text("\n".join(rows) + "\n")


def shortened(text: str) -> list[str]:
    """Return an output's lines, at most LINES and a note of how many are left out."""
    lines = [line.rstrip() for line in text.strip().splitlines()]
    if len(lines) <= LINES:
        return lines
    half = LINES // 2
    return [*lines[:half], f"… {len(lines) - LINES} lines …", *lines[-half:]]


def verdict(page: Path) -> list[str]:
    """Return the text below the heading "In short"."""
    text = page.read_text(encoding="utf-8")
    found = re.search(r"In short.*?</h2>(.*?)<h2", text, re.S)
    assert found, "the page has no part 'In short'"
    plain = html.unescape(re.sub(r"<[^>]+>", "\n", found[1]))
    return [line.strip() for line in plain.splitlines() if line.strip()]


def transcript(python: str) -> str:
    """Run it all and return the page."""
    written: list[str] = []
    totals: list[tuple[str, float]] = []
    with tempfile.TemporaryDirectory(prefix="unharness-new-user-") as scratch:
        folder, home = Path(scratch) / "work", Path(scratch) / "home"
        folder.mkdir()
        home.mkdir()
        write_facts(folder)
        shell = Shell(folder, home)
        for part in parts(python):
            lines, total = [], 0.0
            for command in part.commands:
                printed, seconds = shell.run(command)
                total += seconds
                lines += [f"$ {command}", *shortened(printed), f"# {seconds:.1f} s", ""]
            written += [f"## {part.title}: {total:.0f} s", ""]
            written += [part.says, ""] if part.says else []
            written += ["```text", *lines[:-1], "```", ""]
            totals.append((part.title, total))
        written += ["## What the page says in short", "", "```text"]
        written += [*verdict(folder / "page.html"), "```"]
    facts = machine()
    here = f"{os.cpu_count()} cores ({facts['cpu']}), torch {facts['torch']}"
    rows = [f"| {title} | {seconds:.0f} |" for title, seconds in totals]
    head = [
        "# A new user's first minutes, timed",
        "",
        f"Written by `python benchmarks/new_user.py --out docs/transcript.md` on {date.today()},",
        f"{here}, in a fresh environment with an empty HOME. Times are by the",
        "clock, downloads included. `micro` is a model for tests: its numbers say that things",
        "work, and nothing about language models.",
        "",
        "| | seconds |",
        "|---|---:|",
        *rows,
        "",
    ]
    return "\n".join([*head, *written]) + "\n"


def main() -> None:
    """Run it and write the page."""
    words = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    words.add_argument("--python", default="python3.11", help="makes the environment")
    words.add_argument("--out", type=Path, help="the page, Markdown [default: standard output]")
    options = words.parse_args()
    page = transcript(options.python)
    if options.out:
        options.out.write_text(page, encoding="utf-8")
    else:
        sys.stdout.write(page)


if __name__ == "__main__":
    main()
