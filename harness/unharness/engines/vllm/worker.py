"""The process in which vLLM runs: `python -m unharness.engines.vllm.worker READ WRITE PARENT`.

It takes one request after the other. Its end frees the device, which nothing else does reliably.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from unharness.processes.serving import serve

TELL_S = 0.2
TOP_K = 50
"""Of sampling: the default of transformers' generate, so that both engines sample alike."""
SEED_STEP, SEED_LIMIT = 1_000_003, 2**31

OnProgress = Callable[[int, int], None]


class Worker:
    """Answers requests with vLLM; every public method is one, and returns what JSON can say."""

    def __init__(self, tell: OnProgress) -> None:
        self._tell = tell
        self._llm: Any = None
        self._on_cpu = False

    def start(
        self, *, model: str, own_dtype: str, lora_rank: int, free_share: float | None, **asked: Any
    ) -> dict[str, Any]:
        """Load weights from a folder into a new engine."""
        import vllm
        from vllm.platforms import current_platform

        began = time.monotonic()
        self._on_cpu = bool(current_platform.is_cpu())
        arguments = engine_arguments(
            on_cpu=self._on_cpu,
            own_dtype=own_dtype,
            lora_rank=lora_rank,
            free_share=free_share,
            asked=asked,
        )
        self._llm = vllm.LLM(model=model, **arguments)
        return {
            "version": vllm.__version__,
            "on_cpu": self._on_cpu,
            "dtype": arguments["dtype"],
            "max_model_len": self._llm.llm_engine.model_config.max_model_len,
            "lora_rank": lora_rank,
            "sleeps": bool(arguments.get("enable_sleep_mode")),
            "start_seconds": time.monotonic() - began,
        }

    def reload(self, *, model: str) -> None:
        """Take other weights of the same shapes."""
        self._llm.collective_rpc("reload_weights", kwargs={"weights_path": model})
        if self._on_cpu:
            self._llm.collective_rpc(_pack_embeddings)
        self._llm.reset_prefix_cache()

    def generate(
        self,
        *,
        prompts: list[list[int]],
        lora: list[Any] | None,
        max_new_tokens: int,
        temperature: float,
        seed: int,
        stop: list[int],
    ) -> list[list[int]]:
        """Return the new tokens of every prompt, in order."""
        from vllm import SamplingParams

        common = {"max_tokens": max_new_tokens, "stop_token_ids": stop, "detokenize": False}
        if temperature > 0:
            # A seed each: with one for all, equal prompts would get equal answers.
            seeds = [(seed * SEED_STEP + index) % SEED_LIMIT for index in range(len(prompts))]
            drawn = {"temperature": temperature, "top_k": TOP_K}
            params = [SamplingParams(seed=own, **drawn, **common) for own in seeds]
        else:
            params = [SamplingParams(temperature=0.0, **common) for _ in prompts]
        outputs = self._llm.generate(
            _token_prompts(prompts),
            params,
            lora_request=_lora_request(lora),
            use_tqdm=_bar(self._tell, len(prompts)),
        )
        return [list(output.outputs[0].token_ids) for output in outputs]

    def probe(
        self, *, prompts: list[list[int]], lora: list[Any] | None, top: int
    ) -> list[list[list[float]]]:
        """Return the most likely next tokens of every prompt, each with its log-probability.

        `prompt_logprobs` would give more a prompt, but fails on a CPU where adapters are enabled.
        """
        from vllm import SamplingParams

        params = SamplingParams(temperature=0.0, max_tokens=1, logprobs=top, detokenize=False)
        outputs = self._llm.generate(
            _token_prompts(prompts), params, lora_request=_lora_request(lora), use_tqdm=False
        )
        return [
            [[token, seen.logprob] for token, seen in output.outputs[0].logprobs[0].items()]
            for output in outputs
        ]

    def sleep(self) -> None:
        """Move the weights to the CPU, drop the KV cache.

        Level 2 would drop the weights too, which gives garbage if they are not loaded again.
        """
        self._llm.sleep(level=1)

    def wake(self) -> None:
        """Undo `sleep`."""
        self._llm.wake_up()

    def close(self) -> None:
        """Shut vLLM down."""
        if self._llm is not None:
            self._llm.llm_engine.engine_core.shutdown()


def engine_arguments(
    *,
    on_cpu: bool,
    own_dtype: str,
    lora_rank: int,
    free_share: float | None,
    asked: dict[str, Any],
) -> dict[str, Any]:
    """Return the arguments of `vllm.LLM` for the options asked for."""
    dtype = asked["dtype"]
    if dtype == "auto":
        dtype = "float32" if on_cpu else own_dtype
    eager = asked["enforce_eager"]
    arguments = {
        "dtype": dtype,
        "max_model_len": asked["max_model_len"],
        "tensor_parallel_size": asked["tensor_parallel_size"],
        # Processes of its own: left to itself it would start Ray, inside a Ray task even.
        "distributed_executor_backend": "mp" if asked["tensor_parallel_size"] > 1 else None,
        "seed": asked["seed"],
        "enforce_eager": on_cpu if eager is None else eager,
        "load_format": "safetensors",
        "trust_remote_code": False,
        # We tokenize and decode ourselves, as the hf engine does: then texts can be compared.
        "skip_tokenizer_init": True,
        # The checkpoint's own temperature, penalties and so on must not count.
        "generation_config": "vllm",
        # Prompts share little, and blocks of other weights cannot be hit where none are kept.
        "enable_prefix_caching": False,
    }
    kv_cache_gib = asked["kv_cache_gib"] or (1.0 if on_cpu else None)
    if kv_cache_gib:
        arguments["kv_cache_memory_bytes"] = int(kv_cache_gib * 2**30)
    if not on_cpu:
        share = asked["gpu_memory_utilization"]
        arguments["gpu_memory_utilization"] = min(share, free_share or share)
        if asked["sleep"]:
            arguments["enable_sleep_mode"] = True
    if lora_rank:
        arguments |= {
            "enable_lora": True,
            "max_lora_rank": lora_rank,
            "max_loras": asked["max_loras"],
        }
    return arguments


def _pack_embeddings(worker: Any) -> int:
    """Pack the matrices again that a CPU's kernels read in a form of their own.

    `reload_weights` does so for what it loads. An output layer that shares its weights with the
    embedding is not loaded, so it would go on with the old ones. (Seen in vLLM 0.31.)
    """
    count = 0
    for module in worker.model_runner.get_model().modules():
        if hasattr(module, "cpu_linear") and module.weight.numel():  # 0: the packed form is all
            module.quant_method.process_weights_after_loading(module)
            count += 1
    return count


def _token_prompts(prompts: list[list[int]]) -> list[Any]:
    return [{"prompt_token_ids": ids} for ids in prompts]


def _lora_request(lora: list[Any] | None) -> Any:
    if lora is None:
        return None
    from vllm.lora.request import LoRARequest

    name, number, folder = lora
    return LoRARequest(name, number, folder)


def _bar(tell: OnProgress, total: int) -> Callable[..., Any]:
    """Return what vLLM takes for tqdm: it tells how many prompts are done, now and then."""
    from tqdm import tqdm  # type: ignore[import-untyped, unused-ignore]

    class Bar(tqdm):  # type: ignore[misc, unused-ignore]
        monitor_interval = 0  # no thread of its own
        told = 0.0

        def update(self, n: float | None = 1) -> bool | None:
            shown: bool | None = super().update(n)
            now = time.monotonic()
            if now - self.told >= TELL_S or self.n >= total:
                self.told = now
                tell(int(self.n), total)
            return shown

    # TQDM_DISABLE would stop its clock, and vLLM divides by the time that has passed.
    fixed = {"file": sys.stderr, "mininterval": 60, "disable": False}
    return lambda *args, **kwargs: Bar(*args, **kwargs | fixed)


if __name__ == "__main__":
    serve(Worker)
