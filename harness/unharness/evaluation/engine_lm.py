"""lm-eval's LM on our weights and engine: likelihoods from the model, text from the engine."""

from __future__ import annotations

import copy
from itertools import groupby
from typing import Any

from lm_eval.models.huggingface import HFLM

from unharness.engines.engine import Engine, Sampling
from unharness.models.weights import WeightsRef

MAX_NEW_TOKENS = 256
"""Where a task does not say, as in lm-eval."""


class EngineLM(HFLM):
    """HFLM on a model in hand, but for free text, which the engine generates."""

    def __init__(self, weights: WeightsRef, engine: Engine, *, batch_size: int | str) -> None:
        super().__init__(
            pretrained=weights.model, tokenizer=weights.tokenizer, batch_size=batch_size
        )
        self._weights = weights
        self._engine = engine

    def loglikelihood(
        self, requests: list[Any], disable_tqdm: bool = False
    ) -> list[tuple[float, bool]]:
        """Return log-likelihoods as HFLM does, without bars of its own."""
        if wrapper := self._weights.wrapper:
            requests = [_with_context(one, wrapper.prompt(one.args[0])) for one in requests]
        found: list[tuple[float, bool]] = super().loglikelihood(requests, disable_tqdm=True)
        return found

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        """Return the engine's continuations, each cut at the first of its stop strings."""
        self._engine.load(self._weights)
        texts = [""] * len(requests)
        order = sorted(range(len(requests)), key=lambda i: _key(requests[i].args[1]))
        for _, group in groupby(order, key=lambda i: _key(requests[i].args[1])):
            indices = list(group)
            wanted = requests[indices[0]].args[1]
            prompts = [requests[index].args[0] for index in indices]
            wrapper = self._weights.wrapper
            asked = [wrapper.prompt(text) for text in prompts] if wrapper else prompts
            made = self._engine.generate(asked, _sampling(wanted))
            for index, prompt, text in zip(indices, prompts, made, strict=True):
                answer = _cut(text, wanted.get("until"))
                texts[index] = wrapper.respond(prompt, answer) if wrapper else answer
        return texts


def _with_context(request: Any, text: str) -> Any:
    """Return a request for a likelihood with another context before its continuation."""
    changed = copy.copy(request)
    changed.arguments = (text, *request.args[1:])
    return changed


def _key(wanted: dict[str, Any]) -> str:
    return repr(sorted(wanted.items(), key=lambda item: item[0]))


def _sampling(wanted: dict[str, Any]) -> Sampling:
    temperature = float(wanted.get("temperature") or 0.0)
    if not wanted.get("do_sample", temperature > 0):
        temperature = 0.0
    return Sampling(int(wanted.get("max_gen_toks", MAX_NEW_TOKENS)), temperature)


def _cut(text: str, until: Any) -> str:
    stops = [until] if isinstance(until, str) else list(until or ())
    for stop in stops:
        if stop:
            text = text.split(stop)[0]
    return text
