"""Every help page says what its command does, and has examples that the command line accepts."""

import shlex
from collections.abc import Iterator

import click
import pytest

from unharness.cli.main import cli


def commands(group: click.Group, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """A group's commands with their own, by their words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)


PAGES = {" ".join(path): command for path, command in commands(cli)}


def examples(command: click.Command) -> list[list[str]]:
    """The examples' words, without `unharness`, comments and what the shell does."""
    lines = [line.strip() for line in (command.epilog or "").splitlines()]
    given = [shlex.split(line, comments=True) for line in lines if line.startswith("unharness ")]
    return [words[1 : words.index(">") if ">" in words else None] for words in given]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_has_words_and_examples(page):
    assert PAGES[page].help
    assert len(examples(PAGES[page])) >= 2


@pytest.mark.parametrize("page", PAGES)
def test_examples_are_of_the_command_and_use_its_options(page):
    for words in examples(PAGES[page]):
        assert words[0] == page.split()[0]
        command = PAGES[" ".join(words[:2])] if " ".join(words[:2]) in PAGES else PAGES[words[0]]
        known = {name for option in command.params for name in option.opts}
        used = {word.partition("=")[0] for word in words if word.startswith("-")}
        assert used <= known | {"--help"}
