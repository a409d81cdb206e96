"""Two processes that train one model give what one gives."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))
import forked_cli

from unharness.records.store import read_records

pytestmark = pytest.mark.slow

WORDS = ("--limit-train", "8", "--epochs", "2", "--suite", "none", "--max-new-tokens", "16")
MICRO = ("--model", "micro")
DATA_PARALLEL: dict[str, str] = {}
FSDP = {"ACCELERATE_USE_FSDP": "true"}  # what `accelerate launch --use_fsdp` sets


PLUGIN = """
import torch
from unharness import LossMethod, Stream, hookimpl, sequence_kl, sequence_nll


class Divergence(LossMethod):
    name = "divergence"
    summary = "Ascent, held back by a reference; without dropout, whose masks differ by process."
    Config = LossMethod.Config

    def prepare(self, context):
        for module in context.model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0

    def streams(self):
        return {"retain": Stream("retain", reference={"logits"})}

    def loss(self, model, batch):
        ascent = -sequence_nll(model, batch["forget"]).mean()
        target = batch.reference.logits("retain")
        return ascent + 3 * sequence_kl(model, batch["retain"], target).mean()


@hookimpl
def unharness_methods():
    return [Divergence]
"""
REFERENCE = ("--method", "divergence", *MICRO, "--tuning", "lora")


@pytest.fixture(scope="session")
def plugin(tmp_path_factory):
    """What the environment needs to find an installed method, with a cache of its own.

    Other tests leave retrained models in the shared one, which change what is measured.
    """
    folder = tmp_path_factory.mktemp("plugin")
    (folder / "divergence.py").write_text(PLUGIN)
    about = folder / "divergence-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: divergence\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[unharness]\ndivergence = divergence\n")
    paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
    cache = tmp_path_factory.mktemp("cache of two processes")
    return {"PYTHONPATH": os.pathsep.join(paths), "UNHARNESS_CACHE": str(cache)}


def torchrun(words, variables):
    """Run the command line in two processes as a user launches them; one of them speaks."""
    command = ("-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "unharness.cli.main")
    return subprocess.run(
        [sys.executable, *command, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1", **variables},
        check=False,
    )


def forked(words, variables):
    """The same, with what torchrun sets but not its 20 seconds of imports."""
    forked_cli.start()
    return forked_cli.call_together(list(map(str, words)), {**os.environ, **variables}, 300)


@pytest.mark.parametrize(
    ("launched", "launch", "method"),
    [
        (torchrun, DATA_PARALLEL, ("--method", "gradient-difference", *MICRO)),
        # It reads gradients while it trains, so here it must ask for whole ones.
        (forked, FSDP, ("--method", "memflex", *MICRO, "--set", "localise=every-step")),
        (forked, DATA_PARALLEL, REFERENCE),
        (forked, FSDP, REFERENCE),
    ],
    ids=["data parallel", "FSDP", "data parallel, LoRA, reference", "FSDP, LoRA, reference"],
)
def test_two_gloo_processes_give_the_metrics_of_one(
    cli, data_folder, tmp_path, plugin, launched, launch, method
):
    words = ["run", *method, *WORDS, "--data", str(data_folder)]
    alone = cli(*words, "--results", tmp_path / "one", "--format", "json", **plugin)
    assert alone.returncode == 0, alone.stderr
    together = launched([*words, "--results", tmp_path / "two"], plugin | launch)
    assert together.returncode == 0, together.stderr
    (path,) = (tmp_path / "two").glob(f"*/*/{method[1]}/*/run.json")
    one, two = json.loads(alone.stdout), read_records(path)[0].model_dump(mode="json")
    hardware = two["provenance"]["hardware"]
    assert (hardware["processes"], hardware["sharded"]) == (2, launch == FSDP)
    assert two["target"]["weights_hash"] == one["target"]["weights_hash"]
    assert two["training"]["losses"] == pytest.approx(one["training"]["losses"], rel=1e-4)
    norms = one["training"]["update_norms"]
    assert two["training"]["update_norms"] == pytest.approx(norms, rel=1e-3)
    for name, metric in one["metrics"].items():
        value = metric["value"]  # None where so few examples cannot be scored
        expected = None if value is None else pytest.approx(value, rel=1e-4)
        assert two["metrics"][name]["value"] == expected, name
    assert together.stdout.count(f"{method[1]} ·") == 1  # one of them speaks


def test_a_target_that_learns_by_lora_in_parts(cli, checkpoint, data_folder, tmp_path, plugin):
    """Nothing is cached: the target's adapter, its loading and the unlearning, all under FSDP."""
    words = ["run", "--method", "divergence", "--model", checkpoint("llama"), *WORDS]
    words += ["--data", str(data_folder), "--target-set", "epochs=4", "--precision", "bfloat16"]
    own = plugin | {"UNHARNESS_CACHE": str(tmp_path / "cache of two")}
    together = forked([*words, "--save-weights", "--results", tmp_path / "two"], own | FSDP)
    assert together.returncode == 0, together.stderr
    (path,) = (tmp_path / "two").glob("*/*/divergence/*/run.json")
    two = read_records(path)[0].model_dump(mode="json")
    # One process that finds the same target unlearns alike, and reads the weights that two wrote.
    alone = cli(*words, "--results", tmp_path / "one", "--format", "json", **own)
    one = json.loads(alone.stdout)
    assert (one["target"]["cached"], two["target"]["cached"]) == (True, False)
    assert two["target"]["weights_hash"] == one["target"]["weights_hash"]
    assert two["training"]["losses"] == pytest.approx(one["training"]["losses"], rel=1e-4)
    assert not [text for text in two["warnings"] if "never moved" in text]
    again = cli("evaluate", path.parent, "--force", "--results", tmp_path / "two", **own)
    assert again.returncode == 0, again.stderr
    # Alone it learns its target much as two do: only the masks of the adapter's dropout differ.
    apart = plugin | {"UNHARNESS_CACHE": str(tmp_path / "cache of one")}
    fresh = cli(*words, "--results", tmp_path / "three", "--format", "json", **apart)
    target = json.loads(fresh.stdout)["target"]
    assert not target["cached"]
    loss = pytest.approx(target["training"]["last_loss"], rel=0.1)
    assert two["target"]["training"]["last_loss"] == loss


def test_what_is_not_supported_is_refused(cli, tmp_path):
    launched = {"WORLD_SIZE": "2", "RANK": "0", "ACCELERATE_USE_DEEPSPEED": "true"}
    asked = cli("run", "--limit-train", "8", "--suite", "none", "--results", tmp_path, **launched)
    assert asked.returncode == 2
    assert "DeepSpeed is not supported; launch with FSDP" in asked.stderr
