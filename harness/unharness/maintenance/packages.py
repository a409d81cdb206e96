"""Installed packages: versions, requirements, and what they were built for; nothing imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.requirements import Requirement

OWN = "unharness"
_CUDA_LIBRARIES = (b"libcudart.so", b"libtorch_cuda.so", b"libc10_cuda.so")


def version_of(package: str) -> str | None:
    """Return the version of an installed package; None if it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def requirements(package: str, extra: str = "") -> list[Requirement]:
    """Return what an installed package requires on this machine, those of one extra alone or none.

    A package that is not installed requires nothing.
    """
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        lines = metadata.requires(package) or []
    except metadata.PackageNotFoundError:
        return []
    found = []
    for line in lines:
        try:
            one = Requirement(line)
        except InvalidRequirement:
            continue
        plain = one.marker is None or one.marker.evaluate({"extra": ""})
        wanted = not plain and one.marker is not None and one.marker.evaluate({"extra": extra})
        if wanted if extra else plain:
            found.append(one)
    return found


def unmet(package: str, among: frozenset[str] | None = None, extra: str = "") -> Iterator[str]:
    """Yield what is wrong with what a package requires, a line a requirement.

    Args:
        package: the name of its distribution.
        among: names that are looked at; None: all.
        extra: looks at what this extra of it requires in place of the rest.
    """
    for one in requirements(package, extra):
        if among is not None and one.name not in among:
            continue
        version = version_of(one.name)
        if version is None:
            yield f"{one.name} is not installed"
        elif not one.specifier.contains(version, prereleases=True):
            yield f"{one.name} {version} is installed, and {package} requires {one.specifier}"


@cache
def folder_of(module: str) -> Path | None:
    """Return the folder of an installed top-level module, without importing it."""
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin).parent if spec and spec.origin else None


def built_for_cuda(module: str) -> bool | None:
    """Return whether a package's own libraries are linked with CUDA's.

    Returns:
        None where the package is not installed, or nothing tells.
    """
    folder = folder_of(module)
    if folder is None:
        return None
    said = _version_file_cuda(folder / "version.py")
    if said is not None:
        return said
    libraries = sorted(folder.rglob("*.so*"))
    if not libraries:
        return None
    return any(_mentions(path, _CUDA_LIBRARIES) for path in libraries)


def _version_file_cuda(path: Path) -> bool | None:
    """Return what a `version.py` assigns to `cuda`, as torch and torchvision write it."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return None
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        names = {target.id for target in targets if isinstance(target, ast.Name)}
        value = getattr(node, "value", None)
        if "cuda" in names and isinstance(value, ast.Constant):
            return value.value is not None
    return None


def _mentions(path: Path, names: tuple[bytes, ...]) -> bool:
    try:
        content = path.read_bytes()
    except OSError:
        return False
    return any(name in content for name in names)
