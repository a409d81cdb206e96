"""`unharness export`: a run's weights with a model card, or records in a format of others."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import click

from unharness.cli.completion import FOLDER, complete
from unharness.cli.console import echo, tell
from unharness.cli.options import debug_option, results_option
from unharness.cli.run_options import data_option
from unharness.errors import UsageError

EPILOG = """\b
Examples:
  unharness export 3f2a --to unlearned
  unharness export 3f2a --to unlearned --merge --license apache-2.0
  unharness export 3f2a --to unlearned --push me/unlearned --private
  unharness export results/published --format eee --organization "My Lab" --to exported
"""
CHECKPOINT, EEE = "checkpoint", "eee"
OWN_FLAGS = {
    CHECKPOINT: ("merge", "push", "private", "license", "data"),
    EEE: ("organization", "hub_id", "texts"),
}
"""By format, the flags that say something for it alone."""


@click.command("export", epilog=EPILOG)
@click.argument("run", metavar="RUN|DIR")
@click.option(
    "--to",
    "folder",
    metavar="DIR",
    required=True,
    shell_complete=complete(paths=FOLDER),
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to write to; for a checkpoint new or empty.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice([CHECKPOINT, EEE]),
    default=CHECKPOINT,
    show_default=True,
    help="checkpoint: weights with a card; eee: records as Every Eval Ever 0.3.0.",
)
@results_option
@data_option("where it lies now, for a checkpoint")
@click.option(
    "--merge", is_flag=True, help="Merge an adapter into its base, and write whole weights."
)
@click.option("--push", metavar="REPO", help="Upload the folder to the hub, as owner/name.")
@click.option("--private", is_flag=True, help="With --push: a new repository is private.")
@click.option(
    "--license",
    metavar="ID",
    help="Licence that you publish the weights under, as the hub calls it [default: other].",
)
@click.option("--organization", metavar="NAME", help="eee: who ran the evaluations; needed.")
@click.option("--hub-id", metavar="REPO", help="eee: where the weights of RUN are published.")
@click.option(
    "--texts",
    is_flag=True,
    help="eee: write samples (questions and answers), too, whatever the data. Without it those of "
    "data that is not bundled are left out: they may not be yours to publish.",
)
@click.option("--quiet", "-q", is_flag=True, help="Show no progress.")
@debug_option
def export_command(
    run: str, folder: Path, form: str, results: Path, quiet: bool, **flags: Any
) -> None:
    """Write the weights of a run, which plain peft and transformers load, with a model card.

    RUN is the beginning of a run id, or the path of a record. Nothing is trained: the weights lie
    beside the record (--save-weights) or in the cache. The base of an adapter is written to
    DIR/base, unless the hub has it.

    With --format eee records are written as Every Eval Ever, which evaluation sites read: one, or
    all finished ones of a results folder.
    """
    for other, names in OWN_FLAGS.items():
        for name in names:
            if other != form and flags[name]:
                flag = name.replace("_", "-")
                raise UsageError(f"--{flag} is for --format {other}, and this is {form}")
    if form == EEE:
        _export_records(run, folder, results, flags)
    else:
        _export_weights(run, folder, results, flags, quiet=quiet)


def _export_records(run: str, folder: Path, results: Path, flags: dict[str, Any]) -> None:
    """Write records as Every Eval Ever, and print the aggregates' paths."""
    from unharness.exports.eee.identity import slug
    from unharness.exports.eee.write import export_records
    from unharness.hub import hub_name
    from unharness.records.store import RECORD_FILE, RecordStore

    organization = flags["organization"]
    if not organization or not slug(organization):
        raise UsageError("--format eee says who ran the evaluations: give --organization NAME")
    hub_id = flags["hub_id"]
    if hub_id and hub_name(hub_id) is None:
        raise UsageError(f"--hub-id {hub_id}: expected a repository on the hub, as owner/name")
    many = Path(run).is_dir() and not (Path(run) / RECORD_FILE).is_file()
    if many and hub_id:
        raise UsageError("--hub-id names the weights of one run: give a RUN")
    found = RecordStore(run).readable() if many else [RecordStore(results).by_id(run)]
    made = export_records(
        found,
        folder,
        organization,
        texts=flags["texts"],
        hub_id=hub_id,
        skip=(lambda text: tell(f"skipped: {text}")) if many else None,
    )
    if not made:
        raise UsageError(f"{run}: no finished records there")
    for path in made:
        echo(str(path))


def _export_weights(
    run: str, folder: Path, results: Path, flags: dict[str, Any], *, quiet: bool
) -> None:
    """Write a checkpoint, print its folder, and push it where that is asked for."""
    from unharness.cli.progress import progress_for
    from unharness.cli.run import calm_libraries, interrupt
    from unharness.exports.hub_upload import check_repository
    from unharness.registry import registry

    push, data = flags["push"], flags["data"]
    if push is not None:
        check_repository(push)
    elif flags["private"]:
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
            merge=flags["merge"],
            name=push,
            licence=flags["license"],
        )
        echo(str(folder))
        if push is not None:
            from unharness.exports.hub_upload import push as upload

            with progress.stage("upload"):
                message = f"Run {found.record.run_id} of unharness"
                address = upload(folder, push, private=flags["private"], message=message)
            echo(address)
