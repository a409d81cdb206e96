"""Whether the weights that were asked for are the weights that answer.

vLLM's ways of changing weights have failed in silence: an adapter that was passed over, blocks
kept from before, an output layer that was not renewed. So after every change some next-token
log-probabilities are compared with torch's, on the model in hand.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unharness.errors import ModelError
from unharness.models.lora import is_adapted

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from unharness.model_types import LanguageModel

TEXT = """The river rises in the hills above the old town and runs south for ninety miles. In 1874
a bridge was built there, and with it came the railway, two mills and a newspaper. What is the
name of her second novel, and when was it published? She was born in Lisbon on 3 May 1961; her
father taught mathematics, her mother was a nurse. Please send your answer to the address below.
Water boils at 100 degrees at sea level, but at a lower temperature on a mountain, where the air
is thinner. def area(width, height): return width * height. Nobody had expected it to rain."""
ROWS, LENGTH, TOP = 4, 24, 16
CUTS = (6, 12, 18, 24)
"""Lengths of a row's beginnings: each is a prompt, and its next token is looked at."""

LIMITS: Mapping[str, tuple[float, float]] = {
    # Highest and mean difference, each relative to the log-probability where that is below -1.
    # float32: seen 2e-6 on a CPU; kernels of a GPU that sum in another order stay far below.
    "float32": (2e-2, 5e-3),
    # 16 bits: a logit near 20 is rounded by up to 0.06 (bfloat16) in torch and in vLLM alike, and
    # issues tell of up to 0.3 a token between the two. Other weights are off by 1 and more.
    "float16": (0.5, 0.05),
    "bfloat16": (1.0, 0.1),
}
CLEAR = 2.0
"""Weights count as different where they are this many times further off than vLLM's output."""


def probe_prompts(tokenizer: PreTrainedTokenizerBase) -> list[list[int]]:
    """Return short beginnings of texts, as tokens: the same for the same tokenizer."""
    ids = tokenizer(TEXT, add_special_tokens=False, verbose=False)["input_ids"]
    endless = itertools.cycle(ids)
    rows = [list(itertools.islice(endless, LENGTH)) for _ in range(ROWS)]
    return [row[:cut] for row in rows for cut in CUTS]


@dataclass(frozen=True)
class Expected:
    """What torch says of the probes: log-probabilities (probe, vocabulary) in float32."""

    of: Any
    without_adapter: Any | None


def expect(model: LanguageModel, prompts: Sequence[Sequence[int]]) -> Expected:
    """Compute the probes' next-token log-probabilities with the model in hand."""
    of = _log_probs(model, prompts)
    if not is_adapted(model):
        return Expected(of, None)
    with model.disable_adapter():
        return Expected(of, _log_probs(model, prompts))


def check(
    seen: Sequence[Sequence[Sequence[float]]],
    expected: Expected,
    before: Expected | None,
    dtype: str,
) -> dict[str, float]:
    """Hold what vLLM says against what torch says, and return the differences.

    Args:
        seen: of each probe, pairs of a token and its log-probability.
        expected: of the weights that should answer.
        before: of the weights that answered before.
        dtype: the coarser of the two sides'.

    Raises:
        ModelError: other weights answer.
    """
    import torch

    if not bool(torch.isfinite(expected.of).all()):
        raise ModelError("the model's log-probabilities are not finite: nothing can be generated")
    places, values = _places(seen)
    wanted = expected.of[places]
    off = _relative(values, wanted)
    highest, mean = off.max().item(), off.mean().item()
    highest_limit, mean_limit = LIMITS[dtype]
    found = {"max": highest, "mean": mean, "max_limit": highest_limit, "mean_limit": mean_limit}
    nearer = []
    others = {"without_adapter": expected.without_adapter, "before": before.of if before else None}
    for name, other in others.items():
        if other is None or other.shape != expected.of.shape:
            continue
        distance = found[name] = _relative(values, other[places]).mean().item()
        moved = found[f"{name}_moved"] = _relative(other[places], wanted).mean().item()
        if distance < mean and moved > CLEAR * distance:
            nearer.append(f"{distance:.3g} from the weights {name.replace('_', ' ')}")
    # `not <=`: a difference that is not a number is none of the small ones.
    if nearer or not (highest <= highest_limit and mean <= mean_limit):
        raise ModelError(
            "vLLM answers with other weights than it was given: its log-probabilities are "
            f"{mean:.3g} from torch's on average (limit {mean_limit:g}), {highest:.3g} at most "
            f"(limit {highest_limit:g}){', but ' * bool(nearer)}{' and '.join(nearer)}; "
            "nothing was generated. Use --engine hf, and report this"
        )
    return found


def coarser(*dtypes: str) -> str:
    """Return the least precise of some types."""
    return max(dtypes, key=list(LIMITS).index)


def _places(seen: Sequence[Sequence[Sequence[float]]]) -> tuple[Any, Any]:
    """Return where in (probe, vocabulary) values were seen, and the values."""
    import torch

    found = [(row, int(token), value) for row, top in enumerate(seen) for token, value in top]
    rows, tokens, values = zip(*found, strict=True)
    return (torch.tensor(rows), torch.tensor(tokens)), torch.tensor(values)


def _relative(values: Any, reference: Any) -> Any:
    """Rounding goes with size: unlearned models give tokens log-probabilities of -50 and less."""
    return (values - reference).abs() / reference.abs().clamp(min=1)


def _log_probs(model: LanguageModel, prompts: Sequence[Sequence[int]]) -> Any:
    import torch

    rows = [list(prompt) for prompt in prompts if len(prompt) == LENGTH]
    with torch.inference_mode(), _evaluating(model):
        logits = model(input_ids=torch.tensor(rows, device=model.device)).logits
    last = [cut - 1 for cut in CUTS]
    return torch.log_softmax(logits[:, last].float(), dim=-1).flatten(0, 1).cpu()


@contextmanager
def _evaluating(model: LanguageModel) -> Iterator[None]:
    """Without dropout."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)
