"""`unharness data`: the data of tasks, fetched before it is needed."""

from __future__ import annotations

import click

from unharness import defaults
from unharness.cli.completion import complete
from unharness.cli.console import echo, tell
from unharness.cli.groups import NearGroup
from unharness.cli.options import debug_option

EXAMPLES = f"""\b
Examples:
  unharness data fetch {defaults.TASK}
  unharness data fetch {defaults.TASK} --revision main
"""


@click.group("data", cls=NearGroup, epilog=EXAMPLES)
def data_command() -> None:
    """Fetch the data of tasks, for machines that have no network later."""


@data_command.command("fetch", epilog=EXAMPLES)
@click.argument("task", shell_complete=complete("tasks"))
@click.option("--revision", metavar="COMMIT", help="A commit, branch or tag of the dataset.")
@debug_option
def fetch_command(task: str, revision: str | None) -> None:
    """Fetch a task's data from the hub into the cache, where runs find it.

    It is checked as for a run. TASK may have parameters: they decide what is fetched.
    """
    from unharness.cli.run import calm_libraries
    from unharness.data.named_task import make_task
    from unharness.data.sources import HUB, DataSource
    from unharness.pipeline.data_choice import load_data
    from unharness.registry import registry

    calm_libraries(debug=False)
    found = make_task(task, registry())
    source = DataSource(f"{HUB}@{revision}" if revision else HUB)
    origin = load_data(found, source, registry()).origin
    if origin.kept_revision != origin.revision:
        tell(
            f"warning: {origin.kept}: holds {origin.kept_revision or 'files without a commit'}, "
            f"and {origin.revision} was asked for; remove the folder, and fetch again"
        )
    echo(f"{origin.kept}: {origin.description} at {origin.kept_revision or 'an unknown commit'}")
