"""Published hyperparameters, by method, task and model."""

import json
import math
from pathlib import Path

import pytest

from unharness.errors import UsageError
from unharness.models.family import same_model
from unharness.pipeline.method_choice import make_method
from unharness.registry import registry
from unharness.unlearning.presets import find_preset

REPOSITORY = Path(__file__).resolve().parents[2]
PAPER = REPOSITORY.parent / "shared" / "reference" / "knowundo_paper.json"
BASELINES = (
    *("gradient-ascent", "random-labels", "adversarial"),
    *("gradient-difference", "gradient-difference-ood", "kl", "kl-ood"),
)
ALONE = BASELINES[:3]
"""Those that read the forget set alone."""
LLAMA, QWEN = "Llama-2-7b-chat-hf", "Qwen1.5-7B-Chat"


def preset(method: str, requested: str = "paper", task: str = "knowundo-privacy", model: str = ""):
    found = registry().get("methods", method)
    return find_preset(
        found.presets,
        requested,
        method=method,
        task=task,
        is_model=lambda published: same_model(model, published),
    )


@pytest.mark.parametrize("method", [*BASELINES, "memflex"])
@pytest.mark.parametrize("task", ["knowundo-privacy", "knowundo-copyright"])
@pytest.mark.parametrize("model", [LLAMA, QWEN])
def test_presets_are_tables_7_and_12(method: str, task: str, model: str):
    found = preset(method, task=task, model=f"/models/{model}")
    assert found.label == f"paper ({model})"
    made = make_method(registry().get("methods", method), model, {}, found).config
    wanted = {"epochs": 2, "batch_size": 16 if method in ALONE else 8}
    wanted |= {"micro_batch_size": 1, "weight_decay": 0.0}
    wanted |= {"lr": 3e-4 if method == "memflex" else 5e-5, "warmup_ratio": 0.03}
    wanted["schedule"] = "cosine"
    if method == "memflex":
        thresholds = {
            ("knowundo-copyright", LLAMA): (0.92, 6e-4),
            ("knowundo-copyright", QWEN): (0.94, 7e-4),
            ("knowundo-privacy", LLAMA): (0.96, 4e-4),
            ("knowundo-privacy", QWEN): (0.94, 2e-4),
        }
        mu, sigma = thresholds[task, model]
        wanted |= {"mu": mu, "sigma": sigma, "forget_weight": 0.4, "retain_weight": 2.0}
    assert {name: getattr(made, name) for name in wanted} == wanted


def test_presets_equal_the_transcribed_tables(real_data: Path):
    if not PAPER.is_file():
        pytest.fail(f"{PAPER}: the paper's tables are needed")
    tables = json.loads(PAPER.read_text())
    for key, values in tables["memflex_thresholds"].items():
        task, model = key.split("/")
        settings = preset("memflex", task=task, model=model).settings
        assert {name: settings[name] for name in values} == values
    for method, table in (
        ("gradient-ascent", "unlearn_baselines"),
        ("kl", "unlearn_baselines"),
        ("memflex", "memflex"),
    ):
        published = tables["hyperparameters"][table]
        settings = preset(method, model=LLAMA).settings
        for name in ("epochs", "lr", "weight_decay"):
            assert settings[name] == published[name]
        assert settings["micro_batch_size"] == published["batch_size"]
        streams = 1 if method in ALONE else 2
        assert streams * settings["batch_size"] == published["gradient_accumulation"]


def test_an_epoch_has_as_many_steps_as_the_released_stream(real_data: Path):
    """Of 16 examples each: 400 forget examples alone, or each with one of the retain set."""
    folder = real_data / "knowundo" / "privacy"
    forget = len(json.loads((folder / "unlearn_train.json").read_text()))
    for method in (*BASELINES, "memflex"):
        stream = forget * (1 if method in ALONE else 2)
        steps = math.ceil(forget / preset(method, model=LLAMA).settings["batch_size"])
        assert steps == math.ceil(stream / 16) == (25 if method in ALONE else 50)


def test_another_model_s_preset_by_name_and_the_user_s_word_last():
    found = preset("memflex", f"paper:{QWEN.lower()}", model="tiny")
    assert found.model == QWEN
    method = make_method(registry().get("methods", "memflex"), "tiny", {"lr": 1e-3}, found)
    assert method.config.lr == 1e-3
    assert method.config.epochs == 2  # the preset's, not tiny's
    assert method.config.mu == 0.94


@pytest.mark.parametrize(
    ("method", "requested", "task", "model", "words"),
    [
        ("memflex", "paper", "knowundo-privacy", "tiny", "'paper' for this model"),
        ("memflex", "papper", "knowundo-privacy", LLAMA, "no preset 'papper'"),
        ("memflex", "paper", "elsewhere", LLAMA, "on elsewhere"),
        ("memflex", "paper:Llama-3", "knowundo-privacy", "tiny", "for model 'Llama-3'"),
    ],
)
def test_an_unknown_preset_lists_those_there_are(method, requested, task, model, words):
    with pytest.raises(UsageError) as caught:
        preset(method, requested, task, model)
    text = str(caught.value)
    assert words in text
    for known in (f"paper:{LLAMA} (knowundo-privacy)", f"paper:{QWEN} (knowundo-copyright)"):
        assert known in text


def test_a_method_without_presets_says_so():
    with pytest.raises(UsageError, match="method 'vanilla' has no presets"):
        preset("vanilla")


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("meta-llama/Llama-2-7b-chat-hf", True),
        ("./models/llama-2-7b-chat-hf/", True),
        ("Llama-2-7b-chat-hf", True),
        ("Llama-2-7b-hf", False),
        ("Llama-2-7b-chat-hf/checkpoint-3", False),
        ("tiny", False),
    ],
)
def test_same_model(name: str, same: bool):
    assert same_model(name, LLAMA) is same
