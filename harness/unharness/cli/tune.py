"""`unharness tune`: equal effort for every method, then what was chosen over the seeds."""

from __future__ import annotations

import signal
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import click

from unharness import defaults
from unharness.cli.completion import complete
from unharness.cli.grid_options import grid_values, shared_options
from unharness.cli.options import FiniteRange
from unharness.cli.run import calm_libraries, interrupt
from unharness.cli.sweep import SOME_FAILED
from unharness.cli.yaml_file import file_keys
from unharness.errors import LONGEST_VALUE, UsageError
from unharness.safe_text import shortened

MOST_MINUTES = 60 * 24 * 365
"""A year."""
EPILOG = f"""\b
Examples:
  unharness tune --method {defaults.METHOD},{defaults.SECOND_METHOD} --trials 20 --seed 0..4
  unharness tune --method {defaults.METHOD} --budget-minutes 30 --data ../data
  unharness tune --method {defaults.METHOD},{defaults.SECOND_METHOD} --trials 20 --dry-run
  unharness tune --method {defaults.SECOND_METHOD} --trials 10 --objective {defaults.COLUMNS[1]}
  unharness tune --method {defaults.METHOD} --trials 8 --set epochs=3   # epochs is not tuned
  unharness tune --method {defaults.METHOD} --trials 3 --set epochs=3 --set lr=1e-4,3e-4,1e-3
  unharness tune --method {defaults.METHOD} --trials 8 --widen epochs=4 # 4 times more epochs
  unharness tune --method {defaults.SECOND_METHOD} --trials 8 --checkpoints 4

\b
Hyperparameters are judged on validation splits, held out from the splits that methods may read:
by closeness to a retrained model, which is made first, or by a column (--objective). Ranges are the
same for all methods; a best value at the edge of its range is warned of. The best trials are run
again with other seeds before one is chosen. With --checkpoints the number of steps is chosen
too; the final runs stop there and are not measured on the way. All runs and their training
are counted. The same command continues an interrupted study.
"""


NO_FLAGS = ("preset", "prompt", "attack", "save_weights")
"""Fields of a grid that tuning does not use."""


@click.command("tune", epilog=EPILOG)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--trials", type=click.IntRange(1), help="Number of trials for each method.")
@click.option(
    "--budget-minutes",
    type=FiniteRange(0, MOST_MINUTES, min_open=True),
    help="Time limit for each method's trials, in minutes; instead of --trials or in addition.",
)
@click.option(
    "--objective",
    shell_complete=complete("columns"),
    metavar="COLUMN",
    help="What to optimize: closeness to the retrained model, or a column of the task's "
    "[default: closeness].",
)
@click.option(
    "--checkpoints",
    type=click.IntRange(2, 100),
    metavar="K",
    help="Measure every trial at K evenly spaced steps of its training, the last included; the "
    "best one is the trial's value, and its number of steps is chosen with the hyperparameters. "
    "A method that is no loss is measured at its end alone [default: the end].",
)
@click.option(
    "--finalists",
    type=click.IntRange(0, 100),
    default=3,
    show_default=True,
    help="How many of each method's best trials are run again with new seeds; the best mean wins. "
    "0: the best trial does.",
)
@click.option(
    "--finalist-seeds",
    type=click.IntRange(1, 100),
    default=2,
    show_default=True,
    help="With how many seeds each.",
)
@click.option(
    "--widen",
    multiple=True,
    metavar="KIND=FACTOR",
    help="Tune all methods over a wider range of a kind of hyperparameter, such as epochs=4: that "
    "factor at both ends, as far as the hyperparameter allows. These are new studies. Repeatable.",
)
@click.option("--dry-run", is_flag=True, help="Print what would be run, and run nothing.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="[METHOD.]NAME=VALUE",
    help="Fix a hyperparameter, so that it is not tuned; of several values, V1,V2,V3, the best one "
    "is looked for. Repeatable.",
)
@shared_options
def tune_command(
    file: Path | None,
    settings: tuple[str, ...],
    widen: tuple[str, ...],
    finalists: int,
    finalist_seeds: int,
    trials: int | None,
    budget_minutes: float | None,
    objective: str | None,
    checkpoints: int | None,
    dry_run: bool,
    workers: int | None,
    executor: str,
    address: str | None,
    quiet: bool,
    progress_form: str | None,
    debug: bool,
    **flags: Any,
) -> None:
    """Tune every method with the same budget, then run the chosen hyperparameters over the seeds.

    A kind of hyperparameter (learning rate, epochs, loss weight) has one range for all methods;
    'tuned' in 'unharness methods show NAME' lists them. A method with nothing to tune is run with
    its defaults.
    """
    if trials is None and budget_minutes is None:
        raise UsageError("tuning needs a budget: give --trials N, --budget-minutes M, or both")
    from unharness.sweeps.grid import SweepRequest

    values = grid_values(file, flags, settings, file_keys(SweepRequest, but=NO_FLAGS))
    calm_libraries(debug)
    signal.signal(signal.SIGTERM, interrupt)

    from unharness.cli.progress import error_console, progress_for
    from unharness.cli.sweep_progress import watching
    from unharness.registry import registry
    from unharness.sweeps.grid import make_sweep_request

    found = registry()
    request = make_sweep_request(values)
    with progress_for(quiet, progress_form) as progress, progress.stage("prepare"):
        from unharness.cli.tune_report import print_chosen, print_effort
        from unharness.sweeps.sweep import failures, make_executor, run_sweep
        from unharness.sweeps.trial import Finals
        from unharness.sweeps.tuning import plan_tuning

        tuning = plan_tuning(
            request,
            found,
            trials=trials,
            budget_minutes=budget_minutes,
            objective=objective,
            widen=_factors(widen),
            finals=Finals(finalists, finalist_seeds),
            checkpoints=checkpoints,
        )
        for note in tuning.notes:
            progress.note(note)
    if dry_run:
        from unharness.cli.console import stdout_console
        from unharness.cli.tune_plan import print_preview
        from unharness.sweeps.preview import preview

        print_preview(preview(tuning), stdout_console())
        return
    errors = error_console(progress_form)
    options = {"workers": workers, "address": address}
    with closing(make_executor(executor, options, found)) as runner:
        with watching(tuning.runs, 0.0, quiet, errors, form=progress_form) as observer:
            tuning.search(runner, observer)
        if not quiet:
            print_effort(tuning.studies, errors)
        plan = tuning.plan_final_runs()
        for problem in tuning.problems:
            errors.print(f"failed: {problem}", style="red", markup=False, soft_wrap=True)
        left, seconds = len(plan.left), plan.estimate()[0]
        with watching(left, seconds, quiet, errors, form=progress_form) as observer:
            results = run_sweep(plan, runner, observer)
    tuning.conclude(plan)
    if not quiet:
        print_chosen(tuning.studies, errors)
    failed = failures(results)
    for result in failed:
        errors.print(f"failed: {result.error}", style="red", markup=False, soft_wrap=True)
    if not quiet:
        done = len(tuning.final_ids(plan) - {result.run_id for result in failed})
        errors.print(
            f"{done} runs with the chosen hyperparameters in "
            f"{plan.results}; 'unharness leaderboard' compares them",
            style="dim",
        )
    if failed or tuning.problems:
        sys.exit(SOME_FAILED)


def _factors(pairs: tuple[str, ...]) -> dict[str, float]:
    """Read `KIND=FACTOR`.

    Raises:
        UsageError: a pair is not of that form, or its factor is not a number.
    """
    found = {}
    for pair in pairs:
        name, _, text = pair.partition("=")
        try:
            found[name.strip()] = float(text)
        except ValueError:
            raise UsageError(
                f"--widen {shortened(pair, LONGEST_VALUE)}: expected KIND=FACTOR, such as epochs=4"
            ) from None
    return found
