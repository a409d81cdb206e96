"""What a plugin's code is, as a hash: an edited loss is another method, a comment is not."""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterator
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path

DIGITS = 16
DESCRIPTIONS = frozenset(
    {
        *("evidence", "family", "gradients_before_training", "streams_by_term", "threat_model"),
        *("load_training_state", "training_state"),
        *("check_model", "defaults", "presets"),
        *("formula", "good", "traps"),
    }
)
"""Methods and attributes of a plugin's classes that only describe it, carry its state over an
interruption, refuse a model, or propose hyperparameters; no result depends on them, as a record
holds every hyperparameter that it used."""
CORE = "unharness"


def source_hash(plugin: type) -> str:
    """Return the hash of a class's module and of the modules of its package that it imports.

    It is taken of the syntax trees without docstrings, so comments, layout and documentation do
    not count, nor do methods and attributes that only describe the plugin. Modules of other
    distributions and of the core do not count either: those have versions.

    Returns:
        16 hexadecimal digits; an empty text where there is no source, as in a live session.
    """
    return _module_hash(plugin.__module__)


@cache
def _module_hash(name: str) -> str:
    digest = hashlib.sha256()
    for module, tree in sorted(_modules(name).items()):
        digest.update(f"{module}\n{ast.dump(_without_docstrings(tree))}\n".encode())
    return digest.hexdigest()[:DIGITS] if _modules(name) else ""


def _modules(name: str) -> dict[str, ast.Module]:
    """Return the syntax trees of a module and of those of its package that it imports."""
    found: dict[str, ast.Module] = {}
    waiting = [name]
    while waiting:
        module = waiting.pop()
        if module in found or (path := _path(module)) is None:
            continue
        try:
            found[module] = ast.parse(path.read_bytes())
        except (OSError, SyntaxError, ValueError):
            continue
        is_package = path.name == "__init__.py"
        waiting += [
            other
            for other in _imports(found[module], module, is_package=is_package)
            if other.partition(".")[0] == name.partition(".")[0] != CORE
        ]
    return found


def _path(module: str) -> Path | None:
    """Return a module's source file; found, never imported, as its libraries take seconds."""
    loaded = sys.modules.get(module)
    file = getattr(loaded, "__file__", None)
    if file is None and loaded is None:
        spec = _spec(module)
        file = spec.origin if spec else None
    path = Path(file) if file else None
    return path if path is not None and path.suffix == ".py" and path.is_file() else None


def _spec(module: str) -> ModuleSpec | None:
    """Return a module's spec. Unlike `find_spec`, import none of the packages that it is in."""
    name, _, rest = module.partition(".")
    try:
        spec = find_spec(name)
        while spec is not None and rest:
            part, _, rest = rest.partition(".")
            name = f"{name}.{part}"
            places = spec.submodule_search_locations
            spec = PathFinder.find_spec(name, places) if places is not None else None
    except (ImportError, AttributeError, ValueError):
        return None
    return spec


def _imports(tree: ast.Module, module: str, *, is_package: bool) -> Iterator[str]:
    """Yield the names that a module imports, anywhere in it; some may be no modules."""
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parents, *([base] if base else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            # Also the texts under attributes: a statement that is only a constant does nothing.
            node.body = [one for one in node.body if not _is_text(one)]
        if isinstance(node, ast.ClassDef):
            node.body = [one for one in node.body if not _is_description(one)]
    return tree


def _is_description(node: ast.stmt) -> bool:
    """Return whether a statement of a class body only describes it."""
    if isinstance(node, ast.FunctionDef):
        return node.name in DESCRIPTIONS
    targets = node.targets if isinstance(node, ast.Assign) else []
    if isinstance(node, ast.AnnAssign):
        targets = [node.target]
    names = [target.id for target in targets if isinstance(target, ast.Name)]
    return bool(names) and len(names) == len(targets) and set(names) <= DESCRIPTIONS


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
