"""A click group that offers the nearest names for an unknown command."""

from __future__ import annotations

import click

from unharness.errors import UnknownNameError


class NearGroup(click.Group):
    """Turns an unknown command into an error of ours."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Offer the nearest names for an unknown command."""
        name = args[0] if args else ""
        if name and not name.startswith("-") and self.get_command(ctx, name) is None:
            raise UnknownNameError("command", name, self.list_commands(ctx))
        return super().resolve_command(ctx, args)
