"""A check of the installed plugins."""

from __future__ import annotations

from collections.abc import Iterator

from unharness.maintenance.doctor import Finding, Surroundings


def plugins(surroundings: Surroundings) -> Iterator[Finding]:
    """Name the plugins that failed to load, with their errors."""
    from unharness.registry import registry

    found = registry().plugins
    failed = [plugin for plugin in found if plugin.errors]
    for plugin in failed:
        text = f"{plugin.name} ({plugin.distribution} {plugin.version}): {'; '.join(plugin.errors)}"
        yield Finding("error", text, f"unharness plugins show {plugin.name}")
    others = sorted({plugin.distribution for plugin in found if not plugin.builtin})
    more = f", with {', '.join(others)}" if others else ""
    yield Finding("ok", f"{len(found) - len(failed)} of {len(found)} load{more}")
