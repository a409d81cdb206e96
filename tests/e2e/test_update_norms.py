"""Every trained tensor's update norm is in the record, and one that never moved is named."""

import json
from pathlib import Path

import pytest

METHODS = """
from unharness import LossMethod, hookimpl, sequence_nll


class Ascent(LossMethod):
    name = "whole"
    summary = "Ascent on everything."
    Config = LossMethod.Config

    def loss(self, model, batch):
        return -sequence_nll(model, batch["forget"]).mean()


class Cut(Ascent):
    name = "cut"
    summary = "Ascent that reaches the last layer alone, which is not what was asked for."

    def prepare(self, context):
        [last] = [module for name, module in context.model.named_modules()
                  if name.endswith("model.layers.1")]  # under LoRA it lies deeper
        last.register_forward_pre_hook(lambda module, args: (args[0].detach(), *args[1:]))


class Chosen(Cut):
    name = "chosen"
    summary = "The same, which says what it trains."

    def select_parameters(self, context):
        return [name for name, value in context.model.named_parameters()
                if value.requires_grad and ".layers.1." in name]


@hookimpl
def unharness_methods():
    return [Ascent, Cut, Chosen]
"""


@pytest.fixture(scope="session")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds an installed plugin."""
    folder = tmp_path_factory.mktemp("plugin")
    (folder / "cut_methods.py").write_text(METHODS)
    about = folder / "cut_methods-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: cut-methods\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[unharness]\ncut = cut_methods\n")
    return folder


@pytest.fixture(scope="session")
def run_micro(cli, plugin, tmp_path_factory, data_folder):
    """run_micro("method", …) -> the record of a run of micro."""
    import os

    results = tmp_path_factory.mktemp("results")
    paths = os.pathsep.join([str(plugin), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)

    def call(method, *words):
        command = ["run", "--method", method, "--model", "micro", "--limit", "4", "--force"]
        command += ["--data", str(data_folder), "--results", str(results), "--format", "json"]
        done = cli(*command, "--quiet", *words, PYTHONPATH=paths)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return call


def _never_moved(record):
    return [text for text in record["warnings"] if "never moved" in text]


@pytest.mark.slow
@pytest.mark.parametrize("tuning", ["lora", "full"])
def test_layers_that_stay_untrained_are_named(run_micro, tuning):
    record = run_micro("cut", "--tuning", tuning)
    norms = record["training"]["update_norms"]
    still = [name for name, norm in norms.items() if norm == 0]
    assert still
    assert all(".layers.1." not in name for name in still)
    assert any(".layers.1." in name for name in norms)
    [warning] = _never_moved(record)
    assert f"{len(still)} of {len(norms)} " in warning
    assert still[0] in warning


@pytest.mark.slow
def test_what_moved_and_what_was_left_out_by_choice_are_no_warning(run_micro):
    whole = run_micro("whole")
    assert _never_moved(whole) == []
    assert all(norm > 0 for norm in whole["training"]["update_norms"].values())
    chosen = run_micro("chosen")
    assert _never_moved(chosen) == []
    norms = chosen["training"]["update_norms"]
    assert norms
    assert set(norms) < set(whole["training"]["update_norms"])
    assert all(".layers.1." in name and norm > 0 for name, norm in norms.items())


@pytest.mark.slow
def test_tensors_outside_of_every_step_s_region_are_left_out_by_choice(run_micro):
    record = run_micro("memflex", "--set", "localise=every-step", "--set", "mu=q0.1")
    region = record["training"]["report"]["region"]["tensors"]
    never = {row["name"] for row in region if row["selected_steps"] == 0}
    norms = record["training"]["update_norms"]
    assert never  # or this test would show nothing
    assert all(norms[name] == 0 for name in never)
    assert _never_moved(record) == []


@pytest.mark.slow
def test_a_retrained_model_has_the_norms_of_its_own_training(run_micro):
    record = run_micro("retrain")
    norms = record["training"]["update_norms"]
    assert norms
    assert all(norm > 0 for norm in norms.values())
