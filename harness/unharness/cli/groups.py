"""Click groups: one that offers near names, and a command that has commands of its own."""

from __future__ import annotations

from typing import Any

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


class CommandWithCommands(click.Group):
    """A command with arguments and options of its own, unless its first word names one of others.

    `unharness sweep grid.yaml` is the command itself, `unharness sweep status` another one.
    """

    allow_interspersed_args = True
    allow_extra_args = False

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Leave the words to the command that the first one names, or take them all."""
        if args and args[0] in self.commands:
            ctx.args = args
            return args
        return click.Command.parse_args(self, ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was named, or this one."""
        if not ctx.args:
            return click.Command.invoke(self, ctx)
        name, *rest = ctx.args
        ctx.invoked_subcommand = name
        with self.commands[name].make_context(name, rest, parent=ctx) as inner:
            return inner.command.invoke(inner)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Show the command's own arguments; its commands are listed below."""
        return click.Command.collect_usage_pieces(self, ctx)
