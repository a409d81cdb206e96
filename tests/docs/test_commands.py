"""Every command in the documentation is one that the command line takes; the cheap ones are run."""

import re
import runpy
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest

from unharness.cli.grid_options import grid_values
from unharness.cli.groups import CommandWithCommands
from unharness.cli.main import cli
from unharness.cli.pairs import with_flags
from unharness.kinds import KINDS
from unharness.named_settings import bare_name, parse_named, split_names
from unharness.records.store import RecordStore
from unharness.registry import registry
from unharness.report.build import build_board
from unharness.request import RunRequest, make_request

_shared = runpy.run_path(str(Path(__file__).parent / "conftest.py"))
REPOSITORY, pages, blocks = (_shared[name] for name in ("REPOSITORY", "pages", "blocks"))
SHELL = ("", "bash", "sh", "shell", "console")
INLINE = re.compile(r"`unharness ([^`]+)`")
MODULE = " -m unharness.cli.main "
"""How launchers of several processes start the command line."""
PLACEHOLDER = re.compile(r"[A-Z][A-Z_,|=]*…?|…|<.*|name")
RUN_ID = re.compile(r"[0-9a-f]{3,16}|results/.*|RUN")
NAMED = re.compile(r'^ +name = "([a-z0-9-]+)"', re.MULTILINE)
SEPARATORS = {"|", ">", "<", "&&", "||", ";", "2>&1", "&"}


@dataclass(frozen=True)
class Written:
    """A command as it stands on a page."""

    page: str
    words: tuple[str, ...]
    """Without `unharness`."""

    def __str__(self) -> str:
        return f"{self.page}: {shlex.join(self.words)}"


def in_blocks(page: Path) -> Iterator[Written]:
    """The commands of a page's blocks of shell."""
    for text in blocks(page, *SHELL):
        for line in re.sub(r"\\\n\s*", " ", text).splitlines():
            line = line.strip().removeprefix("$ ")
            if MODULE in line:
                line = f"unharness {line.partition(MODULE)[2]}"
            if line.startswith("unharness "):
                yield Written(page.relative_to(REPOSITORY).as_posix(), plain(line))


def plain(line: str) -> tuple[str, ...]:
    """A line's words before a pipe or redirection, without comments and marks of a synopsis."""
    words = [word.strip("[]…") for word in shlex.split(line, comments=True)[1:]]
    end = next((at for at, word in enumerate(words) if word in SEPARATORS), len(words))
    return tuple(word for word in words[:end] if word)


def in_sentences(page: Path) -> Iterator[Written]:
    """The commands within a page's sentences; they may be shortened."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for found in INLINE.findall(text):
        yield Written(page.relative_to(REPOSITORY).as_posix(), plain(f"unharness {found}"))


def in_help(group: click.Group, *path: str) -> Iterator[Written]:
    """The examples of the help pages."""
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        for line in (getattr(command, "epilog", None) or "").splitlines():
            if line.strip().startswith("unharness "):
                yield Written(f"help of {' '.join([*path, name])}", plain(line.strip()))
        if isinstance(command, click.Group):
            yield from in_help(command, *path, name)


HELP = set(in_help(cli))
WHOLE = sorted({one for page in pages() for one in in_blocks(page)} | HELP, key=str)
SHORT = sorted({one for page in pages() for one in in_sentences(page)}, key=str)
SHOWN = {
    name
    for page in [*pages(), *REPOSITORY.glob("examples/*/*.py")]
    for name in NAMED.findall(page.read_text(encoding="utf-8"))
}
"""Names of plugins that pages and examples define themselves."""


def find(words: tuple[str, ...]) -> tuple[click.Command, click.Context, tuple[str, ...]]:
    """The command that the words call, the context above it, and the words that it gets."""
    command: click.Command = cli
    context = click.Context(cli, info_name="unharness")
    rest = list(words)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        if isinstance(command, CommandWithCommands) and rest[0] not in command.commands:
            break
        name = rest.pop(0)
        inner = command.get_command(context, name)
        assert inner is not None, f"no command {name!r}"
        command, context = inner, click.Context(inner, info_name=name, parent=context)
    return command, context, tuple(rest)


def test_there_are_commands_to_check():
    assert len(WHOLE) > 60
    assert len(SHORT) > 40


@pytest.mark.parametrize("written", WHOLE, ids=str)
def test_the_command_line_takes_it(written: Written):
    command, context, rest = find(written.words)
    given = [word for word in rest if word not in ("--help", "-h")]
    while "--plugin" in given:  # the file is the reader's own
        del given[(at := given.index("--plugin")) : at + 2]
    taken = command.make_context(context.info_name, given, parent=context.parent)
    check_names(written.words[0], command, taken.params)


@pytest.mark.parametrize("written", SHORT, ids=str)
def test_what_a_sentence_names_exists(written: Written):
    if PLACEHOLDER.fullmatch(written.words[0]):
        return
    command, _, rest = find(written.words)
    known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
    used = {word.partition("=")[0] for word in rest if word.startswith("-")}
    assert used <= known | {"--help"}


OTHERS = re.compile(
    r"(?:^|`)(?:\$ )?(make|python) ((?:docs|benchmarks)/[\w/.]+|[a-z][a-z-]*)\b", re.M
)


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(REPOSITORY).as_posix())
def test_programs_and_targets_of_make_exist(page: Path):
    targets = re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.M)
    for program, what in OTHERS.findall(page.read_text(encoding="utf-8")):
        if program == "make":
            assert what in targets
        else:
            assert (REPOSITORY / what).is_file(), what


def check_names(first: str, command: click.Command, given: Mapping[str, Any]) -> None:
    """Look up what the options name: methods with their hyperparameters, tasks, attacks, …"""
    if first in KINDS and given.get("name"):
        look_up(first, given["name"])
    flags = {name: value for name, value in given.items() if name not in ("file", "form")}
    for kind in ("methods", "tasks", "models", "engines", "executors"):
        for name in named(flags.get(kind.removesuffix("s")) or flags.get(kind)):
            look_up(kind, name)
    for text in flags.get("attack") or ():
        for one in text.split(" + "):
            if one != "none":
                name, settings = parse_named(one, "--attack")
                registry().get("attacks", name).Config.model_validate(settings)
    for text in named(flags.get("task")):
        name, settings = parse_named(text, "--task")
        if not PLACEHOLDER.fullmatch(name) and "/" not in name:
            registry().get("tasks", name).Config.model_validate(settings)
    if command.name == "run":
        check_run(flags)
    if command.name in ("sweep", "tune"):
        check_grid(flags)
    for name in (flags.get(side) for side in ("a", "b")):
        if name and not RUN_ID.fullmatch(name):
            look_up("methods", name)


def named(value: Any) -> list[str]:
    """The names in an option's value: one, several with commas, or several times one."""
    texts = [value] if isinstance(value, str) else list(value or ())
    return [name for text in texts for name in split_names(text)]


def look_up(kind: str, name: str) -> None:
    """Find a name, unless it is a placeholder, shown on a page, a path or the hub's."""
    bare = bare_name(name)
    if PLACEHOLDER.fullmatch(bare) or bare in SHOWN or bare == "auto":
        return
    if kind in ("models", "tasks") and "/" in bare:
        return
    registry().entry(kind, bare)


def check_run(flags: Mapping[str, Any]) -> None:
    """Resolve what a run is asked for, as far as that needs neither data nor model."""
    own = {name: value for name, value in flags.items() if name in RunRequest.model_fields}
    request = make_request(with_flags({}, own))
    if request.method not in SHOWN:
        method = registry().get("methods", request.method)
        method.Config.model_validate(request.hyperparameters())


def check_grid(flags: Mapping[str, Any]) -> None:
    """Make the cells of a grid: every method must have the hyperparameters that are set."""
    from unharness.sweeps.grid import SweepRequest, cells, make_sweep_request

    settings = flags.get("settings", ())
    own = {name: value for name, value in flags.items() if name in SweepRequest.model_fields}
    values = grid_values(None, own, settings, ())
    if not SHOWN & set(named(values.get("method"))):
        assert cells(make_sweep_request(values), registry())


GRIDS = [(page, text) for page in pages() for text in blocks(page, "yaml") if "# grid" in text]


@pytest.mark.parametrize(("page", "text"), GRIDS, ids=lambda one: getattr(one, "stem", ""))
def test_grids_in_files_can_be_swept(page, text, tmp_path):
    from unharness.cli.yaml_file import file_keys, from_file
    from unharness.sweeps.grid import SweepRequest, cells, make_sweep_request

    file = tmp_path / "grid.yaml"
    file.write_text(text, encoding="utf-8")
    values = from_file(file, file_keys(SweepRequest, but=()))
    assert len(cells(make_sweep_request(values), registry())) > 4


PUBLISHED = REPOSITORY / "results" / "published"
PUBLISHED_METHODS = {path.name for path in PUBLISHED.glob("*/*/*")}


def how(written: Written) -> str:
    """How a command is run for real: as it stands, on the published records, or not at all."""
    first, *rest = written.words
    others = {"--merge", "--task", "--model"} if first == "leaderboard" else set()
    if (first == "explain" and not rest) or others & set(rest):
        return ""
    if any(PLACEHOLDER.fullmatch(word) or word in SHOWN for word in rest):
        return ""
    if (first in (*KINDS, "plugins", "explain") and "fetch" not in rest) or "--help" in rest:
        return "listing"
    elsewhere = "--results" in rest and "results/published" not in rest
    known = first == "leaderboard" or PUBLISHED_METHODS.issuperset(rest[:2])
    if first in ("leaderboard", "compare") and known and not elsewhere:
        return "published"
    return "run" if first == "run" and "micro" in rest else ""


def once(kind: str) -> list[Written]:
    """The commands of a way to run them, each once however many pages have it."""
    found = {one.words: one for one in (*SHORT, *WHOLE) if one not in HELP and how(one) == kind}
    return sorted(found.values(), key=str)


@pytest.mark.parametrize("written", once("listing"), ids=str)
def test_listings_answer(written: Written, main_here):
    code, output, errors = main_here(*written.words)
    assert code == 0, errors
    assert output.strip()


@cache
def published_board(rank_by: str) -> Any:
    """The board of the published records, read once for all commands that show it."""
    return build_board(RecordStore(PUBLISHED), rank_by)


@pytest.mark.slow
@pytest.mark.parametrize("written", once("published"), ids=str)
def test_boards_are_shown(written: Written, main_here, monkeypatch):
    monkeypatch.setenv("UNHARNESS_RESULTS", str(PUBLISHED))
    monkeypatch.chdir(REPOSITORY)
    monkeypatch.setattr(
        "unharness.report.build.build_board",
        lambda _, rank_by="closeness": published_board(rank_by),
    )
    words = [*written.words]
    if words[0] == "compare" and "--model" not in words:
        words += ["--task", "knowundo-privacy", "--model", "tiny"]  # a page's reader has one board
    code, output, errors = main_here(*words)
    assert code == 0, errors
    methods = words[1:3] if words[0] == "compare" else ["memflex"]
    assert [one for one in methods if one not in output] == []


@pytest.mark.slow
def test_short_runs_leave_records(main_here, monkeypatch, tmp_path):
    monkeypatch.setenv("UNHARNESS_RESULTS", str(tmp_path))
    runs = once("run")
    assert runs
    for written in runs:
        code, _, errors = main_here(*written.words)
        assert code == 0, errors
    assert list(tmp_path.rglob("run.json"))
