"""Precision: what suits the device where nothing is said, the user's word over it."""

from contextlib import contextmanager

import pytest
import torch

from unharness.models.trained import TrainingPlace
from unharness.pipeline import device
from unharness.pipeline.device import (
    choose_precision,
    computes_in_bf16,
    slow_precision_note,
    weights_dtype,
)

PLAIN = "processor\t: 0\nflags\t\t: fpu sse2 avx avx2 fma\n"
X86 = "processor\t: 0\nflags\t\t: fpu avx512f avx512_bf16 amx_tile\n"
ARM = "processor\t: 0\nFeatures\t: fp asimd bf16 i8mm\n"


@pytest.fixture
def cpu(monkeypatch, tmp_path):
    """cpu(text): a machine whose kernel says this of its CPU."""

    def give(text):
        path = tmp_path / "cpuinfo"
        path.write_text(text)
        monkeypatch.setattr(device, "CPU_FACTS", path)

    return give


@pytest.mark.parametrize(("facts", "able"), [(PLAIN, False), (X86, True), (ARM, True)])
def test_a_cpu_is_asked_whether_it_computes_in_bf16(cpu, facts, able):
    cpu(facts)
    assert computes_in_bf16("cpu") is able
    assert choose_precision("auto", "cpu", None) == ("bfloat16" if able else "float32")


def test_a_machine_without_proc_has_float32(monkeypatch, tmp_path):
    monkeypatch.setattr(device, "CPU_FACTS", tmp_path / "none")
    assert choose_precision("auto", "cpu", None) == "float32"


def test_the_models_own_precision_and_the_users_word(cpu):
    cpu(X86)
    assert choose_precision("auto", "cpu", "float32") == "float32"
    assert choose_precision("bfloat16", "cpu", "float32") == "bfloat16"
    assert choose_precision("float32", "cpu", None) == "float32"


@pytest.mark.parametrize(("facts", "warned"), [(PLAIN, True), (X86, False)])
def test_bf16_that_the_cpu_cannot_do_is_said_to_be_slow(cpu, facts, warned):
    cpu(facts)
    place = TrainingPlace("cpu", "float32", 64, precision="bfloat16")
    assert ("slower" in slow_precision_note(place)) is warned
    assert slow_precision_note(TrainingPlace("cpu", "float32", 64)) == ""
    assert place.types == "float32, bfloat16 autocast"


def test_tiny_keeps_float32_where_the_cpu_computes_in_bf16(cpu):
    from unharness.pipeline.resolve import resolve
    from unharness.registry import registry
    from unharness.request import make_request

    cpu(X86)
    asked = {"model": "micro", "data": "standin", "suite": "none", "engine": "hf"}
    plain = resolve(make_request(asked), registry())
    assert plain.spec.dtype == "float32"
    chosen = resolve(make_request(asked | {"precision": "bfloat16"}), registry())
    assert chosen.spec.dtype == "float32, bfloat16 autocast"
    assert chosen.spec.run_id() != plain.spec.run_id()
    # Another machine resolves what is handed on to it to the same run.
    cpu(PLAIN)
    assert resolve(chosen.request, registry()).spec.run_id() == chosen.spec.run_id()


@pytest.mark.parametrize(("emulated", "native"), [(True, False), (True, True)])
def test_a_gpu_that_emulates_bf16_does_not_compute_in_it(monkeypatch, emulated, native):
    asked = []

    @contextmanager
    def on(name):
        asked.append(name)
        yield

    def supported(including_emulation=True):
        return emulated if including_emulation else native

    monkeypatch.setattr(torch.cuda, "device", on)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    assert computes_in_bf16("cuda:1") is native
    assert asked == ["cuda:1"]


def test_weights_are_of_the_precision_unless_they_are_tuned_themselves():
    assert weights_dtype("float32", "lora", "lora") == "float32"
    assert weights_dtype("bfloat16", "lora", "lora") == "bfloat16"
    assert weights_dtype("bfloat16", "full", "lora") == "float32"
    assert weights_dtype("bfloat16", "lora", "full") == "float32"
