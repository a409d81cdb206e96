"""`unharness export`: a run's weights with a model card, or records in a format of others."""

from __future__ import annotations

import signal
from pathlib import Path

import click

from unharness.cli.completion import FOLDER, complete
from unharness.cli.console import echo
from unharness.cli.options import debug_option, results_option
from unharness.cli.run_options import data_option
from unharness.errors import UsageError

EPILOG = """\b
Examples:
  unharness export 3f2a --to unlearned
  unharness export 3f2a --to unlearned --merge --license apache-2.0
  unharness export 3f2a --to unlearned --push me/unlearned --private
"""


@click.command("export", epilog=EPILOG)
@click.argument("run", metavar="RUN")
@click.option(
    "--to",
    "folder",
    metavar="DIR",
    required=True,
    shell_complete=complete(paths=FOLDER),
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write to, new or empty.",
)
@results_option
@data_option("where it lies now")
@click.option(
    "--merge", is_flag=True, help="Merge an adapter into its base, and write whole weights."
)
@click.option("--push", metavar="REPO", help="Upload the folder to the hub, as owner/name.")
@click.option("--private", is_flag=True, help="With --push: a new repository is private.")
@click.option(
    "--license",
    "licence",
    metavar="ID",
    help="Licence that you publish the weights under, as the hub calls it [default: other].",
)
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
@debug_option
def export_command(
    run: str,
    folder: Path,
    results: Path,
    data: str | None,
    merge: bool,
    push: str | None,
    private: bool,
    licence: str | None,
    quiet: bool,
) -> None:
    """Write the weights of a run, which plain peft and transformers load, with a model card.

    RUN is the beginning of a run id, or the path of a record. Nothing is trained: the weights lie
    beside the record (--save-weights) or in the cache. The base of an adapter is written to
    DIR/base, unless the hub has it.
    """
    from unharness.cli.progress import progress_for
    from unharness.cli.run import calm_libraries, interrupt
    from unharness.exports.hub_upload import check_repository
    from unharness.registry import registry

    if push is not None:
        check_repository(push)
    elif private:
        raise UsageError("--private says how a repository is made: give --push REPO as well")
    calm_libraries(debug=False)
    signal.signal(signal.SIGTERM, interrupt)
    with progress_for(quiet) as progress:
        with progress.stage("load libraries"):
            from unharness.exports.run_export import export_run
            from unharness.records.store import RecordStore
        store = RecordStore(results)
        found = store.by_id(run)
        export_run(
            found,
            store,
            folder,
            {"data": data} if data else {},
            registry(),
            progress,
            merge=merge,
            name=push,
            licence=licence,
        )
        echo(str(folder))
        if push is not None:
            from unharness.exports.hub_upload import push as upload

            with progress.stage("upload"):
                message = f"Run {found.record.run_id} of unharness"
                address = upload(folder, push, private=private, message=message)
            echo(address)
