"""`unharness evaluate`: existing weights, of a run or from anywhere."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import click

from unharness import defaults
from unharness.cli.completion import FOLDER, complete
from unharness.cli.console import echo_json
from unharness.cli.options import format_option, results_option
from unharness.cli.pairs import with_flags
from unharness.cli.run import calm_libraries, interrupt, write_report
from unharness.cli.run_options import (
    attack_option,
    data_option,
    device_option,
    engine_options,
    facts_options,
    length_options,
    limit_options,
    output_options,
    prompt_option,
    report_option,
    suite_options,
    template_option,
)
from unharness.errors import UsageError

EPILOG = f"""\b
Examples:
  unharness evaluate 3f2a
  unharness evaluate 3f2a --engine hf --prompt none --prompt assistant
  unharness evaluate --weights ./unlearned-llama --task {defaults.TASK} --data ../data
  unharness evaluate --weights ./adapter --model ./Llama-3.2-1B --name mine
  unharness evaluate --weights ./ours --task ./forget.csv --retain ./keep.csv --report page.html
  unharness evaluate --weights ./a --weights ./b --beside 3f2a
  unharness evaluate --weights smollm2-135m --suite knowledge --suite-data ../data/general
  unharness evaluate --weights ./retrained-0 --weights ./retrained-1 --beside 3f2a --gold
"""


@click.command("evaluate", epilog=EPILOG)
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option(
    "--weights",
    multiple=True,
    metavar="PATH_OR_ID",
    help="A checkpoint or an adapter to evaluate: a folder or a hub id, or the name of a model "
    "preset, or 'published' for the retrained model that the task knows; repeatable.",
)
@click.option(
    "--name", "names", multiple=True, help="Name of the leaderboard row; one per --weights."
)
@click.option(
    "--beside",
    metavar="RUN",
    help="Run whose target model the --weights were made from; the leaderboard then compares them.",
)
@click.option(
    "--gold",
    is_flag=True,
    help="The --weights are models that never saw the forget set: closeness is measured against "
    "them, as against models retrained here.",
)
@click.option(
    "--task",
    "-t",
    shell_complete=complete("tasks"),
    help=f"Task of the --weights [default: {defaults.TASK}].",
)
@click.option(
    "--model",
    shell_complete=complete("models", paths=FOLDER),
    help="Base model of an adapter [default: the one that its adapter_config.json names].",
)
@engine_options("the run's, or auto")
@prompt_option()
@attack_option
@suite_options("the RUN's, that of --beside, or none")
@data_option("for --weights")
@facts_options
@template_option
@length_options
@limit_options
@device_option
@results_option
@click.option(
    "--force", is_flag=True, default=None, help="Evaluate again even if a finished record exists."
)
@report_option
@format_option("table", "json")
@output_options
def evaluate_command(
    runs: tuple[str, ...],
    weights: tuple[str, ...],
    names: tuple[str, ...],
    beside: str | None,
    gold: bool,
    results: Path,
    report: Path | None,
    form: str,
    quiet: bool,
    progress_form: str | None,
    debug: bool,
    **flags: Any,
) -> None:
    """Evaluate existing weights, without training.

    RUN is the beginning of a run id: its saved weights are evaluated again, with the given
    options; a run whose evaluation failed is resumed. --weights takes any checkpoint or adapter;
    its record has the method `external`. The engine is loaded once for all of them.
    """
    if not runs and not weights:
        raise UsageError("nothing to evaluate; give a RUN, or --weights PATH_OR_ID")
    if names and len(names) != len(weights):
        raise UsageError(f"{len(names)} --name for {len(weights)} --weights; give one for each")
    if gold and not (weights and beside):
        raise UsageError("--gold needs --weights, and --beside RUN: the run that they stand beside")
    if report is not None:
        from unharness.report.plain.page import check_page_path

        check_page_path(report)
        if len(runs) + len(weights) > 1:
            raise UsageError("--report is the page of one model; give one RUN, or one --weights")
    calm_libraries(debug)
    signal.signal(signal.SIGTERM, interrupt)

    from unharness.cli.progress import progress_for
    from unharness.registry import registry

    found = registry()
    options = with_flags({"results": str(results)}, flags)
    with progress_for(quiet, progress_form) as progress:
        with progress.stage("prepare"):
            from unharness.pipeline.evaluating import plan_evaluations, run_evaluations

            wanted = plan_evaluations(
                runs,
                weights,
                names=names,
                beside=beside,
                gold=gold,
                options=options,
                registry=found,
            )
        outcomes = run_evaluations(wanted, found, progress)
    if report is not None:
        write_report(report, outcomes[0])
    if form == "json":
        records = [outcome.record.model_dump(mode="json") for outcome in outcomes]
        echo_json(records)
    elif not quiet:
        from unharness.cli.outcome import print_outcome

        for outcome in outcomes:
            print_outcome(outcome)
