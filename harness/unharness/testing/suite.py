"""What the suites share: a plugin, checks that do not apply to it, and the checks of settings."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from unharness.registry import NAME_PATTERN
from unharness.strict_model import StrictModel


class Conformance:
    """The base of the suites. Derive from one of those, and set `plugin`."""

    plugin: ClassVar[Any]
    """The class that is checked."""
    skips: ClassVar[Mapping[str, str]] = {}
    """By name of a check that does not apply to the plugin: why."""

    @pytest.fixture(autouse=True)
    def _skipped(self, request: pytest.FixtureRequest) -> None:
        reason = self.skips.get(request.node.originalname)
        if reason:
            pytest.skip(reason)

    def test_name_and_summary(self) -> None:
        """It has a name that may stand in a path, and a summary of one line."""
        plugin = self.plugin
        assert NAME_PATTERN.fullmatch(plugin.name), f"name {plugin.name!r}"
        assert plugin.summary.strip(), "summary is empty"
        assert "\n" not in plugin.summary, "summary is more than a line"
        assert isinstance(getattr(plugin, "version", 1), int), "version is no whole number"


class SettingsConformance(Conformance):
    """Checks of what a user may set: `Config` of methods, attacks and tasks."""

    settings: ClassVar[Mapping[str, Any]] = {}
    """Values that the checks work with, over the defaults."""

    def made_settings(self, **more: Any) -> Any:
        """Return the plugin's settings: its defaults, `settings`, and what is given."""
        return self.plugin.Config(**{**self.settings, **more})

    def test_settings_round_trip(self) -> None:
        """What a record keeps of the settings gives the same settings again; defaults too."""
        made = self.made_settings()
        kept = json.loads(json.dumps(made.model_dump(mode="json")))
        assert self.plugin.Config(**kept) == made
        for name, default in _defaults(self.plugin.Config):
            try:
                self.plugin.Config(**{**kept, name: default})
            except ValidationError as error:
                raise AssertionError(f"the default {name}={default!r} is refused") from error

    def test_settings_are_checked(self) -> None:
        """Unknown names, NaN, infinity, and values out of bounds are refused."""
        config, kept = self.plugin.Config, self.made_settings().model_dump()
        wrong: list[tuple[str, Any]] = [("no_such_setting", 1)]
        for name, field in config.model_fields.items():
            wrong += [(name, value) for value in _beyond(field)]
            if issubclass(config, StrictModel) and field.annotation is float:
                wrong += [(name, value) for value in (math.nan, math.inf)]
        for name, value in wrong:
            try:
                config(**{**kept, name: value})
            except ValidationError:
                continue
            raise AssertionError(f"{name}={value!r} is not refused")


def _defaults(config: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    for name, field in config.model_fields.items():
        if not field.is_required():
            default = field.get_default(call_default_factory=True)
            yield name, default.model_dump() if isinstance(default, BaseModel) else default


def _beyond(field: FieldInfo) -> Iterator[Any]:
    """Yield values just outside of a number's bounds."""
    for bound in field.metadata:
        for side, step in (("ge", -1), ("gt", 0), ("le", 1), ("lt", 0)):
            limit = getattr(bound, side, None)
            if isinstance(limit, int | float):
                yield limit + step
