"""Writing the package of a new plugin."""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from unharness import __version__
from unharness.errors import UsageError, short_value
from unharness.registry import Registry

KINDS = ("method", "metric", "attack", "task", "observer")
"""Of plugins, in the singular, that there are templates for."""
LONGEST_NAME = 40
NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
TEMPLATES = Path(__file__).parent / "templates"
SUFFIX = ".jinja"


@dataclass(frozen=True)
class NewPlugin:
    """What a plugin is called, in each of the places where it has a name."""

    kind: str
    """One of `KINDS`."""
    name: str
    """What users write, as in `--method NAME`."""

    @property
    def module(self) -> str:
        """The name of the module."""
        return f"unharness_{self.name.replace('-', '_')}"

    @property
    def distribution(self) -> str:
        """What pip calls it."""
        return f"unharness-{self.name.replace('_', '-')}"

    @property
    def class_name(self) -> str:
        """The name of the class."""
        return "".join(part.capitalize() for part in re.split("[-_]", self.name))


def new_project(kind: str, name: str, into: Path, registry: Registry) -> list[Path]:
    """Write the package of a new plugin to the folder `into/NAME`.

    Args:
        kind: one of `KINDS`.
        name: what users will write: lower-case letters, digits, dashes or underscores.
        into: the folder that the package's folder is made in.
        registry: knows which names are taken.

    Returns:
        The files that were written.

    Raises:
        UsageError: the name cannot be one or is taken, or the folder is there already.
        OSError: a file cannot be written.
    """
    plugin = _checked(NewPlugin(kind, name), registry)
    folder = into / name
    if folder.exists():
        raise UsageError(f"{folder} is there already; give another name, or --into another folder")
    if into.exists() and not into.is_dir():
        raise UsageError(f"--into {into}: is a file; give a folder")
    written = []
    for place, text in _rendered(plugin).items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def _checked(plugin: NewPlugin, registry: Registry) -> NewPlugin:
    shown = short_value(plugin.name)
    if not NAME.fullmatch(plugin.name) or len(plugin.name) > LONGEST_NAME:
        raise UsageError(
            f"{shown} is no name for a {plugin.kind}: lower-case letters and digits, a letter "
            f"first, '-' or '_' between words, at most {LONGEST_NAME}, such as my-{plugin.kind}"
        )
    if keyword.iskeyword(plugin.class_name):
        raise UsageError(f"{shown} is a word of Python; choose another name")
    if plugin.name in registry.names(f"{plugin.kind}s"):
        raise UsageError(
            f"{registry.called(f'{plugin.kind}s', plugin.name)} has this name; choose another one"
        )
    if find_spec(plugin.module) is not None:
        raise UsageError(f"there is a package {plugin.module} already; choose another name")
    return plugin


def _rendered(plugin: NewPlugin) -> dict[str, str]:
    """Return the texts of all files, by their place in the package's folder."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(  # noqa: S701 - Python and TOML, and names that were checked
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        variable_start_string="<<",
        variable_end_string=">>",
    )
    places = {
        f"src/{plugin.module}.py": f"{plugin.kind}/plugin.py",
        f"tests/test_{plugin.name.replace('-', '_')}.py": f"{plugin.kind}/tests.py",
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        ".github/workflows/tests.yml": "tests.yml",
        ".gitignore": "gitignore",
    }
    names = {
        "kind": plugin.kind,
        "name": plugin.name,
        "module": plugin.module,
        "distribution": plugin.distribution,
        "class_name": plugin.class_name,
        "version": __version__,
    }
    return {
        place: environment.get_template(template + SUFFIX).render(names)
        for place, template in places.items()
    }
