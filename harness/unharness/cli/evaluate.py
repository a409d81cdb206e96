"""`unharness evaluate`: weights that are there already, of a run or from anywhere."""

from __future__ import annotations

import signal
from contextlib import closing
from typing import Any

import click

from unharness import defaults
from unharness.cli.completion import DATA, DEVICES, FILE, FOLDER, complete
from unharness.cli.console import echo_json
from unharness.cli.options import attack_option, length_options, limit_options, template_option
from unharness.cli.pairs import with_flags
from unharness.cli.run import calm_libraries, interrupt
from unharness.engines.choice import AUTO
from unharness.errors import UsageError

EPILOG = f"""\b
Examples:
  unharness evaluate 3f2a
  unharness evaluate 3f2a --engine hf --prompt none --prompt assistant
  unharness evaluate --weights ./unlearned-llama --task {defaults.TASK} --data ../data
  unharness evaluate --weights ./adapter --model ./Llama-3.2-1B --name mine
  unharness evaluate --weights ./a --weights ./b --beside 3f2a
"""


@click.command("evaluate", epilog=EPILOG)
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option(
    "--weights",
    multiple=True,
    metavar="PATH_OR_ID",
    help="A checkpoint or an adapter: a folder or a hub id; repeatable, all in one engine.",
)
@click.option("--name", "names", multiple=True, help="Name of the row; one per --weights.")
@click.option("--beside", metavar="RUN", help="A run from whose target the --weights were made.")
@click.option(
    "--task",
    "-t",
    shell_complete=complete("tasks"),
    help=f"Task of the --weights [default: {defaults.TASK}].",
)
@click.option(
    "--model",
    shell_complete=complete("models", paths=FOLDER),
    help="The base of an adapter [default: what the adapter says].",
)
@click.option(
    "--engine",
    shell_complete=complete("engines", AUTO),
    help="What generates text [default: the run's, or auto].",
)
@click.option(
    "--engine-set",
    multiple=True,
    metavar="KEY=VALUE",
    help="An option of the engine; repeatable.",
)
@click.option(
    "--prompt",
    multiple=True,
    shell_complete=complete("prompts", paths=FILE),
    metavar="NAME|FILE",
    help="As for run; repeatable.",
)
@attack_option
@click.option(
    "--suite",
    shell_complete=complete("suites", "none", lists=True),
    metavar="NAME",
    help="General knowledge, as for run [default: the RUN's, that of --beside, or none].",
)
@click.option("--include-path", metavar="DIR", help="A folder of lm-eval YAML for --suite.")
@click.option(
    "--data",
    shell_complete=complete("", *DATA, paths=FOLDER),
    help="A folder, 'hub', 'standin', or 'auto'; for --weights.",
)
@template_option
@length_options
@limit_options
@click.option("--device", shell_complete=complete("", *DEVICES), help="auto, cpu, cuda, cuda:N.")
@click.option(
    "--results",
    metavar="DIR",
    envvar=defaults.RESULTS_VARIABLE,
    default=defaults.RESULTS,
    show_default=True,
    help="The folder of records.",
)
@click.option("--force", is_flag=True, default=None, help="Again though the record exists.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table")
@click.option(
    "--quiet", "-q", is_flag=True, help="Print nothing but errors, and what --format json asks for."
)
@click.option("--debug", is_flag=True, help="Show tracebacks and library warnings.")
def evaluate_command(
    runs: tuple[str, ...],
    weights: tuple[str, ...],
    names: tuple[str, ...],
    beside: str | None,
    results: str,
    form: str,
    quiet: bool,
    debug: bool,
    **flags: Any,
) -> None:
    """Evaluate weights without training.

    RUN is the beginning of a run id: its saved weights are evaluated, in another way if options
    say so; a run whose evaluation failed is resumed. --weights takes any checkpoint or
    adapter, and leaves records of the method `external`. All go through one engine.
    """
    if not runs and not weights:
        raise UsageError("nothing to evaluate; give a RUN, or --weights PATH_OR_ID")
    if names and len(names) != len(weights):
        raise UsageError(f"{len(names)} --name for {len(weights)} --weights; give one for each")
    calm_libraries(debug)
    signal.signal(signal.SIGTERM, interrupt)

    from unharness.cli.progress import progress_for
    from unharness.plugins import registry

    found = registry()
    options = with_flags({"results": results}, flags)
    with progress_for(quiet) as progress:
        with progress.stage("prepare"):
            from unharness.pipeline.engine_pool import EnginePool
            from unharness.pipeline.run import execute_with
            from unharness.pipeline.saved_weights import of_run, of_weights
            from unharness.records.store import RecordStore

            store = RecordStore(results)
            changes = {k: v for k, v in options.items() if k not in ("task", "data", "limit_train")}
            changes.pop("model", None)
            wanted = [of_run(*store.by_id(run), changes, found) for run in runs]
            neighbour = store.by_id(beside)[0] if beside else None
            for index, given in enumerate(weights):
                name = names[index] if names else None
                wanted.append(of_weights(given, name, options, neighbour, found))
        for note in dict.fromkeys(one.plan.data.origin.standin_note() for one in wanted):
            if note:
                progress.note(note)
        outcomes = []
        with closing(EnginePool(found)) as engines:
            for one in wanted:
                with progress.stage("load weights"):
                    unlearned = one.load()
                outcomes.append(execute_with(one.plan, found, progress, engines, unlearned))
    if form == "json":
        records = [outcome.record.model_dump(mode="json") for outcome in outcomes]
        echo_json(records)
    elif not quiet:
        from unharness.cli.outcome import print_outcome

        for outcome in outcomes:
            print_outcome(outcome)
