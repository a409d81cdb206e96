"""Hooks of mkdocs: pages made from the code, and links to files of the repository."""

from __future__ import annotations

import logging
import re
import sys
from pathlib import Path, PurePosixPath
from typing import Any

from mkdocs.structure.files import File, Files

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent

log = logging.getLogger("mkdocs.hooks.unharness")
LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])+)\]\((?!https?:|mailto:|#)([^)\s]+)\)")
"""A link that is not to another site, and no picture."""
OTHERS = "Guides"
"""The heading under which pages stand that the navigation does not name."""
_made: dict[str, Any] = {}


def on_config(config: Any) -> Any:
    """Complete the navigation: by the pages that are made from the code, and those not named."""
    if str(HERE) not in sys.path:  # mkdocs takes it out again once it has loaded this file
        sys.path.insert(0, str(HERE))
    from reference_pages import sections

    _made.clear()
    _made.update(sections())
    named = str(config.nav)
    others = sorted(path.relative_to(HERE).as_posix() for path in HERE.rglob("*.md"))
    more = [path for path in others if f"'{path}'" not in named]
    config.nav = [_filled(item) for item in config.nav]
    next(item[OTHERS] for item in config.nav if OTHERS in item).extend(more)
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made from the code."""
    for pages in _made.values():
        for page in pages:
            files.append(File.generated(config, page.path, content=page.text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Turn links to files outside of docs/ into links to the repository, or into their paths."""
    here = PurePosixPath(page.file.src_uri).parent
    return LINK.sub(lambda found: _link(found, here, config.repo_url), markdown)


def _filled(item: Any) -> Any:
    if isinstance(item, dict):
        return {title: _filled_value(value) for title, value in item.items()}
    return item


def _filled_value(value: Any) -> Any:
    if isinstance(value, list):
        return [_filled(item) for item in value]
    section = str(value).removeprefix("made:")
    if section == value:
        return value
    pages = _made[section]
    if len(pages) == 1:
        return pages[0].path
    return [{page.title: page.path} for page in pages]


def _link(found: re.Match[str], here: PurePosixPath, repository: str | None) -> str:
    text, target = found.groups()
    path = _outside(here, target.partition("#")[0])
    if path is None:
        return found.group(0)
    if not (REPOSITORY / path).exists():
        log.warning("a link to %s, which is not in the repository", path)
    if repository:
        return f"[{text}]({repository.rstrip('/')}/blob/main/{path})"
    plain = text.strip("`")
    return f"`{path}`" if plain in (path, PurePosixPath(path).name) else f"{text} (`{path}`)"


def _outside(here: PurePosixPath, target: str) -> str | None:
    """Return the path in the repository of what a link names; None if it is in docs/."""
    parts: list[str] = ["docs"]
    for part in (*here.parts, *PurePosixPath(target).parts):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        else:
            parts.append(part)
    return None if parts[:1] == ["docs"] else "/".join(parts)
