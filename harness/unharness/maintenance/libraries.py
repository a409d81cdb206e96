"""Checks of Python and of the libraries that every run needs."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from importlib import metadata

from unharness.maintenance.doctor import Finding, Surroundings
from unharness.maintenance.packages import OWN, built_for_cuda, unmet, version_of

RELATIVES = ("torchvision", "torchaudio", "torchcodec")
"""Packages with compiled parts that must be of torch's own build."""
SHOWN = ("transformers", "peft", "accelerate", "datasets", "lm_eval")


def python(surroundings: Surroundings) -> Iterator[Finding]:
    """Look at Python's version and where it is."""
    version = platform.python_version()
    yield Finding("ok", f"Python {version} ({sys.executable}), {platform.platform()}")
    wanted = _wanted_python()
    if wanted and not _satisfies(version, wanted):
        yield Finding("error", f"unharness requires Python {wanted}", "install a newer Python")


def torch(surroundings: Surroundings) -> Iterator[Finding]:
    """See whether torch can be imported, and what it was built for."""
    version = version_of("torch")
    if version is None:
        yield Finding("error", "torch is not installed", "pip install torch")
        return
    found = surroundings.imported().get("torch")
    if found is not None and found.error:
        fix = f"pip install --force-reinstall torch=={version.partition('+')[0]}"
        yield Finding("error", f"torch {version} cannot be imported: {found.error}", fix)
        return
    facts = found.facts if found is not None else {}
    build = (
        (facts.get("cuda") and f"CUDA {facts['cuda']}") or (facts.get("hip") and "ROCm") or "CPU"
    )
    yield Finding("ok", f"torch {version}, built for {build}")


def required(surroundings: Surroundings) -> Iterator[Finding]:
    """See whether what unharness requires is installed, of the right version, and importable."""
    problems = list(unmet(OWN))
    if version_of(OWN) is None:
        yield Finding(
            "warning",
            "unharness is not installed, so versions are not compared",
            "pip install -e .",
        )
    for problem in problems:
        yield Finding("error", problem, "pip install --upgrade unharness")
    broken = {
        name.partition(".")[0]: one.error
        for name, one in surroundings.imported().items()
        if one.error and name != "torch"
    }
    for name, error in broken.items():
        fix = f"pip install --force-reinstall --no-deps {name.replace('_', '-')}"
        yield Finding("error", f"{name} cannot be imported: {error}", fix)
    versions = [f"{name} {version_of(name)}" for name in SHOWN if name not in broken]
    yield Finding("ok", ", ".join(one for one in versions if not one.endswith(" None")))


def relatives(surroundings: Surroundings) -> Iterator[Finding]:
    """Compare the builds of torchvision, torchaudio and torchcodec with torch's."""
    own = built_for_cuda("torch")
    there = [name for name in RELATIVES if version_of(name) is not None]
    fine = []
    for name in there:
        build = built_for_cuda(name)
        wrong = next(unmet(name, frozenset({"torch"})), "")
        if own is False and build:
            yield Finding(
                "error",
                f"{name} {version_of(name)} is built for CUDA beside a torch for CPUs: what "
                "imports it fails",
                f"pip uninstall --yes {name}",
            )
        elif wrong:
            yield Finding("error", f"{name}: {wrong}", f"pip uninstall --yes {name}")
        elif own and build is False:
            yield Finding(
                "warning",
                f"{name} {version_of(name)} is built for CPUs beside a torch for CUDA",
                f"pip uninstall --yes {name}",
            )
        else:
            fine.append(f"{name} {version_of(name)}")
    if not there:
        yield Finding("ok", f"none of {', '.join(RELATIVES)} is installed; none is needed")
    elif fine:
        yield Finding("ok", ", ".join(fine))


def _wanted_python() -> str:
    try:
        return str(metadata.metadata(OWN)["Requires-Python"] or "")
    except (metadata.PackageNotFoundError, KeyError):
        return ""


def _satisfies(version: str, specifier: str) -> bool:
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(specifier).contains(version, prereleases=True)
