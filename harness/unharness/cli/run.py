"""`unharness run`: one method on one task and model."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import click

from unharness import defaults
from unharness.cli.completion import DATA, DEVICES, FILE, FOLDER, GENERAL, complete
from unharness.cli.console import echo_json
from unharness.cli.options import attack_option, limit_options, setting_options, target_option
from unharness.cli.pairs import with_flags
from unharness.cli.yaml_file import file_keys, from_file
from unharness.engines.choice import AUTO

EPILOG = """\b
Examples:
  unharness run
  unharness run --method gradient-ascent --set lr=5e-4 --seed 1
  unharness run --method memflex --set mu=0.9 --set sigma=q0.2 --data ../data
  unharness run --model ./Llama-3.2-1B --tuning lora --lora r=16 --lora alpha=32
  unharness run --model ./Llama-3.2-1B --max-length 512 --max-new-tokens 128 --save-weights
  unharness run --target-set epochs=3 --target-set seed=1    # how the target is trained
  unharness run --model meta-llama/Llama-2-7b-chat-hf --preset paper
  unharness run --target org/model-that-knows --tuning lora --data ../data
  unharness run --prompt none --prompt assistant
  unharness run --attack none --attack prompt:text="Tell me everything you know."
  unharness run --method kl-ood --general texts.jsonl
  unharness run --model ./Llama-3.2-1B --suite mmlu,arc_easy
  unharness run experiment.yaml --seed 2
"""


NO_FLAGS = ("part", "tuned")
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
    "--task", "-t", shell_complete=complete("tasks"), help=f"Task [default: {defaults.TASK}]."
)
@click.option(
    "--model",
    shell_complete=complete("models", paths=FOLDER),
    help="Preset, folder, or hub id [default: tiny].",
)
@target_option
@click.option(
    "--tuning",
    type=click.Choice(["lora", "full"]),
    help="Parameters to train: an adapter (lora) or all (full) [default: by model].",
)
@click.option(
    "--engine",
    shell_complete=complete("engines", AUTO),
    help="What generates text: hf, vllm, or auto [default: auto, vllm on a GPU].",
)
@click.option(
    "--engine-set",
    multiple=True,
    metavar="KEY=VALUE",
    help="An option of the engine; repeatable. 'unharness engines show NAME' lists them.",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Seed [default: 0].")
@click.option(
    "--set", multiple=True, metavar="KEY=VALUE", help="A hyperparameter of the method; repeatable."
)
@click.option("--epochs", type=int, help="Short for --set epochs=…")
@click.option("--lr", type=float, help="Short for --set lr=…")
@click.option("--batch-size", type=int, help="Short for --set batch_size=…")
@click.option(
    "--preset",
    metavar="NAME[:MODEL]",
    shell_complete=complete("presets"),
    help="Published hyperparameters: NAME, or NAME:MODEL for another model's; 'unharness methods "
    "show METHOD' lists them.",
)
@click.option(
    "--prompt",
    multiple=True,
    metavar="NAME|FILE",
    shell_complete=complete("prompts", paths=FILE),
    help="Before every evaluated question: none, assistant, a plugin's prompt, or a file; "
    "repeatable, all on the same weights [default: none].",
)
@attack_option
@click.option(
    "--suite",
    metavar="NAME",
    shell_complete=complete("suites", "none", lists=True),
    help="General knowledge: a suite, lm-eval tasks with commas between them, or 'none' "
    "[default: the model's own, else the task's].",
)
@click.option("--include-path", metavar="DIR", help="A folder of lm-eval YAML for --suite.")
@click.option(
    "--data",
    shell_complete=complete("", *DATA, paths=FOLDER),
    help="A folder, 'hub', 'standin', or 'auto' [default: auto].",
)
@click.option(
    "--general",
    metavar="FILE",
    shell_complete=complete("", *GENERAL, paths=FILE),
    help="General text for methods that want it: a file, 'bundled', or 'hub' [default: the "
    "task's or the model's own].",
)
@click.option("--results", metavar="DIR", help="Where records go [default: results].")
@click.option("--save-weights", is_flag=True, default=None, help="Keep the unlearned weights.")
@setting_options
@limit_options
@click.option(
    "--device",
    shell_complete=complete("", *DEVICES),
    help="auto, cpu, cuda, cuda:N [default: auto].",
)
@click.option("--force", is_flag=True, default=None, help="Run again though the record exists.")
@click.option("--dry-run", is_flag=True, help="Print the resolved spec and stop.")
@click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True
)
@click.option(
    "--quiet", "-q", is_flag=True, help="Print nothing but errors, and what --format json asks for."
)
@click.option("--debug", is_flag=True, help="Show tracebacks and library warnings.")
def run_command(
    file: Path | None,
    dry_run: bool,
    form: str,
    quiet: bool,
    debug: bool,
    **flags: Any,
) -> None:
    """Unlearn with one METHOD, evaluate, and leave a record.

    Without a data folder and without network the bundled stand-in data is used. FILE is YAML
    with the same keys as the flags; flags override it. A run whose record exists is not run
    again but shown.
    """
    from unharness.request import RunRequest

    values = from_file(file, file_keys(RunRequest, but=NO_FLAGS)) if file else {}
    values = with_flags(values, flags)
    calm_libraries(debug)

    signal.signal(signal.SIGTERM, interrupt)

    from unharness.cli.progress import progress_for
    from unharness.plugins import registry

    found = registry()
    for kind in ("methods", "tasks", "engines"):  # a slip of the pen is told before torch loads
        if values.get(kind.removesuffix("s")):
            name = str(values[kind.removesuffix("s")])
            if (kind, name) != ("engines", AUTO):
                found.entry(kind, name)
    with progress_for(quiet or os.environ.get("RANK", "0") != "0") as progress:
        with progress.stage("prepare"):
            from unharness.pipeline.existing import existing_outcome
            from unharness.pipeline.resolve import resolve
            from unharness.request import make_request
            from unharness.training import ranks

            plan = resolve(make_request(values), found)
        if dry_run:
            spec = {"run_id": plan.spec.run_id(), **plan.spec.model_dump(mode="json")}
            echo_json(spec)
            return
        if note := plan.data.origin.standin_note():
            progress.note(note)
        if values.get("engine") == AUTO:
            chosen = f"engine: {plan.spec.evaluation.engine} ({plan.engine_reason})"
            progress.note(chosen)
        together = ranks.world_size() > 1  # `accelerate launch -m unharness.cli.main run …`
        outcome = None if together else existing_outcome(plan, found)
        if outcome is None:
            with progress.stage("load libraries"):  # torch and transformers take seconds
                from unharness.pipeline.distributed import execute_together
                from unharness.pipeline.run import execute
            outcome = (execute_together if together else execute)(plan, found, progress)
    if outcome is None:  # the first process speaks for all
        return
    if form == "json":
        echo_json(outcome.record.model_dump(mode="json"))
    elif not quiet:
        from unharness.cli.outcome import print_outcome

        print_outcome(outcome)


def interrupt(*_: Any) -> None:
    """Take a polite kill as Ctrl-C, so that it leaves things as clean."""
    raise KeyboardInterrupt


def calm_libraries(debug: bool) -> None:
    """Keep libraries' own output off the terminal, best before they are imported."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    if debug:
        return
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TQDM_DISABLE", "1")
    import logging
    import warnings

    warnings.filterwarnings("ignore")
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    if "transformers" in sys.modules:  # imported by the caller: it has read its settings already
        from transformers.utils.logging import disable_progress_bar, set_verbosity_error

        disable_progress_bar()
        set_verbosity_error()
