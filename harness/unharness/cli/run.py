"""`unharness run`: one method on one task and model."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from unharness import defaults
from unharness.cli.completion import FILE, FOLDER, complete
from unharness.cli.console import echo_json
from unharness.cli.options import format_option
from unharness.cli.pairs import with_flags
from unharness.cli.run_options import (
    attack_option,
    data_option,
    device_option,
    engine_options,
    facts_options,
    general_option,
    limit_options,
    log_option,
    metric_option,
    output_options,
    precision_option,
    preset_option,
    prompt_option,
    report_option,
    results_folder_option,
    save_weights_option,
    setting_options,
    suite_options,
    target_option,
    tuning_option,
)
from unharness.cli.yaml_file import file_keys, from_file
from unharness.defaults import AUTO_ENGINE
from unharness.named_settings import bare_name

if TYPE_CHECKING:
    from unharness.pipeline.existing import Outcome
    from unharness.pipeline.run_plan import RunPlan
    from unharness.progress import Progress
    from unharness.registry import Registry

    Run = Callable[[RunPlan, Registry, Progress], Outcome | None]

EPILOG = f"""\b
Examples:
  unharness run
  unharness run --method {defaults.THIRD_METHOD} --set lr=5e-4 --seed 1
  unharness run --method {defaults.METHOD} --set mu=0.9 --set sigma=q0.2 --data ../data
  unharness run --model ./Llama-3.2-1B --tuning lora --lora r=16 --lora alpha=32
  unharness run --model ./Llama-3.2-1B --max-length 512 --max-new-tokens 128 --save-weights
  unharness run --target-set epochs=3 --target-set seed=1    # how the target is trained
  unharness run --model meta-llama/Llama-2-7b-chat-hf --preset paper
  unharness run --target org/model-that-knows --tuning lora --data ../data
  unharness run --prompt none --prompt assistant
  unharness run --attack none --attack prompt:text="Tell me everything you know."
  unharness run --method {defaults.GENERAL_TEXT_METHOD} --general texts.jsonl
  unharness run --model ./Llama-3.2-1B --suite mmlu,arc_easy
  unharness run --log tensorboard --log wandb    # beside the record; 'unharness loggers' lists all
  unharness run --plugin ./last_words.py --metric last-words:words=1@forget
  unharness run --plugin ./careful.py --method careful
  unharness run experiment.yaml --seed 2
  unharness run --task ./forget.csv --retain ./keep.csv --columns prompt=question,answer=response
  unharness run --task ./forget.jsonl --retain ./keep.jsonl --model ./ours --report page.html
"""


NO_FLAGS = ("eval_split", "tuned")
"""Fields of a request that tuning alone sets."""


@click.command("run", epilog=EPILOG)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--method",
    "-m",
    shell_complete=complete("methods"),
    help=f"Unlearning method [default: {defaults.METHOD}].",
)
@click.option(
    "--task",
    "-t",
    shell_complete=complete("tasks", paths=FILE),
    help="Task, or a file of your own facts: JSON, JSON lines, CSV, Parquet, a YAML list of such "
    f"files, or a dataset on the hub [default: {defaults.TASK}].",
)
@click.option(
    "--model",
    shell_complete=complete("models", paths=FOLDER),
    help="Base model: a preset, a folder, or a hub id [default: tiny].",
)
@target_option
@tuning_option
@engine_options()
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Seed [default: 0].")
@click.option(
    "--set", multiple=True, metavar="KEY=VALUE", help="A hyperparameter of the method; repeatable."
)
@click.option("--epochs", type=int, help="Short for --set epochs=…")
@click.option("--lr", type=float, help="Short for --set lr=…")
@click.option("--batch-size", type=int, help="Short for --set batch_size=…")
@preset_option
@prompt_option()
@attack_option
@metric_option
@suite_options()
@data_option()
@facts_options
@general_option
@results_folder_option
@save_weights_option
@log_option
@setting_options
@limit_options
@device_option
@precision_option
@click.option(
    "--force", is_flag=True, default=None, help="Run again even if a finished record exists."
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Print the resolved spec and an estimate of peak memory; run nothing.",
)
@click.option(
    "--profile",
    is_flag=True,
    help="Trace some training steps by torch's profiler; print the dearest stages and operators.",
)
@report_option
@format_option("table", "json")
@output_options
def run_command(
    file: Path | None,
    dry_run: bool,
    profile: bool,
    report: Path | None,
    form: str,
    quiet: bool,
    progress_form: str | None,
    debug: bool,
    **flags: Any,
) -> None:
    """Unlearn with one method, evaluate the result, and write a record.

    FILE is YAML with the flags' names as keys; flags override it. If a finished record of the
    same run exists, it is shown and nothing is run. Without data and without network the bundled
    stand-in data is used, and a note says so.
    """
    from unharness.request import RunRequest, with_files_task

    if report is not None:
        from unharness.report.plain.page import check_page_path

        check_page_path(report)

    values = from_file(file, file_keys(RunRequest, but=NO_FLAGS)) if file else {}
    values = with_files_task(with_flags(values, flags))
    calm_libraries(debug)

    signal.signal(signal.SIGTERM, interrupt)

    from unharness.cli.progress import progress_for
    from unharness.registry import registry

    found = registry()
    for kind in ("methods", "tasks", "engines"):  # a typo is reported before torch loads
        if values.get(kind.removesuffix("s")):
            name = str(values[kind.removesuffix("s")])
            if (kind, name) != ("engines", AUTO_ENGINE):
                found.entry(kind, bare_name(name) if kind == "tasks" else name)
    follower = os.environ.get("RANK", "0") != "0"
    shown = progress_for(quiet or follower, None if follower else progress_form)
    with shown as progress:
        with progress.stage("prepare"):
            from unharness.pipeline.existing import existing_outcome
            from unharness.pipeline.resolve import resolve
            from unharness.request import make_request
            from unharness.training import ranks

            plan = resolve(make_request(values), found)
        if dry_run:
            spec = {"run_id": plan.spec.run_id(), **plan.spec.model_dump(mode="json")}
            echo_json(spec)
            if not quiet:
                show_memory(plan, progress)
            return
        for note in plan.notes:
            progress.note(note)
        if values.get("engine") == AUTO_ENGINE:
            chosen = f"engine: {plan.spec.evaluation.engine} ({plan.engine_reason})"
            progress.note(chosen)
        together = ranks.world_size() > 1  # `accelerate launch -m unharness.cli.main run …`
        outcome = None if together else existing_outcome(plan)
        if outcome is None:
            with progress.stage("load libraries"):  # torch and transformers take seconds
                from unharness.pipeline.distributed import execute_together
                from unharness.pipeline.run import execute
                from unharness.training.libraries import freeze_libraries

                freeze_libraries(adapters="lora" in (plan.spec.tuning, plan.spec.target_tuning))
            run = execute_together if together else execute
            outcome = (with_profile(run, quiet) if profile else run)(plan, found, progress)
        elif plan.loggers:
            progress.note("this run was done before, so nothing is logged; --force runs it again")
        elif profile:
            progress.note("this run was done before, so nothing is profiled; --force runs it again")
    if outcome is None:  # the first process speaks for all
        return
    if report is not None:
        write_report(report, outcome)
    if form == "json":
        echo_json(outcome.record.model_dump(mode="json"))
    elif not quiet:
        from unharness.cli.outcome import print_outcome

        print_outcome(outcome)


def write_report(path: Path, outcome: Outcome) -> None:
    """Write the page of a run that is done."""
    from unharness.records.store import RecordStore
    from unharness.report.plain.page import write_page

    store = RecordStore(outcome.record.spec.results)
    write_page(path, outcome.record, store, [other.record for other in outcome.also])


def show_memory(plan: RunPlan, progress: Progress) -> None:
    """Print an estimate of the run's memory, or why there is none."""
    from unharness.errors import UnharnessError

    try:
        with progress.stage("estimate memory"):  # transformers takes seconds
            from unharness.pipeline.memory_estimate import estimate_run

            found = estimate_run(plan)
    except UnharnessError as error:
        progress.note(f"no estimate of memory: {error}")
        return
    from unharness.cli.memory_table import print_estimate

    print_estimate(found)


def with_profile(run: Run, quiet: bool) -> Run:
    """Return a way to run that profiles the run, keeps the traces by its record, and prints."""

    def profiled(plan: RunPlan, registry: Registry, progress: Progress) -> Outcome | None:
        from unharness.pipeline.profile import profiled_run

        with profiled_run(progress) as (timed, found):
            outcome = run(plan, registry, timed)
            traces = found.move_to(outcome.folder) if outcome else []
        if outcome and not quiet:
            from unharness.cli.profile_table import print_profile

            print_profile(found, traces)
        return outcome

    return profiled


def interrupt(*_: Any) -> None:
    """Treat SIGTERM as Ctrl-C, so that it cleans up as well."""
    raise KeyboardInterrupt


def calm_libraries(debug: bool) -> None:
    """Keep libraries' own output off the terminal, best before they are imported."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if debug:
        return
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # torch's profiler says when it starts
    import logging
    import warnings

    warnings.filterwarnings("ignore")
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    if "transformers" in sys.modules:  # imported by the caller: it has read its settings already
        from transformers.utils.logging import disable_progress_bar, set_verbosity_error

        disable_progress_bar()
        set_verbosity_error()
