"""Observing a model: one teacher-forced pass a split, and generation through an engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import eq
from typing import TYPE_CHECKING

import torch

from unharness.data.batches import TokenBatch, collate
from unharness.data.encoding import Encoded, encode_examples
from unharness.data.examples import Example, Kind
from unharness.data.templates import PLAIN
from unharness.errors import ModelError
from unharness.evaluation.observed import TokenScores
from unharness.evaluation.scoring_batch import (
    bytes_per_token,
    logits_budget,
    scored_in_batches,
)
from unharness.evaluation.shared_prefix import Family, families, shared_logits
from unharness.models.attention import attends_to_all
from unharness.training.scored_logits import scored_logits, scored_positions

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from unharness.model_types import LanguageModel

BATCH_SIZE = 32
OnScored = Callable[[int, int], None]
# Positions whose distributions over the vocabulary are held in float32 at a time, some three
# tensors of them: on a CPU as many as its cache holds, 2 MiB; on a GPU 128 MiB, which is 262
# positions with a vocabulary of 128,000.
POSITIONS_AT_ONCE = 2048
ENTRIES_AT_ONCE, ENTRIES_IN_CACHE = 1 << 25, 1 << 19
LOWEST = -1e4
"""Log-probability, nats, of which the probability is 0 in float32, as is its product with that."""


def score_tokens(
    model: LanguageModel,
    tokenizer: PreTrainedTokenizerBase,
    examples: Sequence[Example],
    *,
    max_length: int,
    template: str = PLAIN,
    kind: Kind = "qa",
    batch_size: int = BATCH_SIZE,
    memory: int | None = None,
    on_done: OnScored | None = None,
) -> list[TokenScores | None]:
    """Score the answers' tokens under teacher forcing, in one pass over the examples.

    Args:
        model: in evaluation mode, on its device.
        tokenizer: the model's.
        examples: of one split.
        max_length: in tokens; what lies beyond is not scored.
        template: `plain`, `chat` or `raw`.
        kind: of the split. A text's windows are scored as one answer.
        batch_size: most examples of a forward pass; similar lengths go together.
        memory: most bytes that the logits of a pass may take; None: what the device has room for.
        on_done: told how many of how many examples are done.

    Returns:
        One entry an example; None where no token of the answer is within `max_length`.

    Raises:
        ModelError: a probability is not finite, or the memory does not hold a single example.
    """
    encoded = encode_examples(
        tokenizer, examples, max_length, end_token=False, template=template, kind=kind
    )
    rows = {index: row for index, row in enumerate(encoded) if row.scored}
    scored: list[TokenScores | None] = [None] * len(encoded)
    room = logits_budget(model.device) if memory is None else memory
    done = 0
    for indices, results in _passes(model, tokenizer, rows, examples, kind, batch_size, room):
        for index, one in zip(indices, results, strict=True):
            scored[index] = one
        done += len(indices)
        if on_done:
            on_done(done, len(rows))
    windows: list[list[TokenScores]] = [[] for _ in examples]
    for source, found in zip(encoded, scored, strict=True):
        if found is not None:
            windows[source.example].append(found)
    return [_joined(rows) if rows else None for rows in windows]


def _joined(rows: Sequence[TokenScores]) -> TokenScores:
    """Return the windows of one text as one."""
    if len(rows) == 1:
        return rows[0]
    return TokenScores(
        log_probs=tuple(value for row in rows for value in row.log_probs),
        hits=tuple(value for row in rows for value in row.hits),
        means=tuple(value for row in rows for value in row.means),
        variances=tuple(value for row in rows for value in row.variances),
        argmax_text="".join(row.argmax_text for row in rows),
        answer_text="".join(row.answer_text for row in rows),
        truncated=any(row.truncated for row in rows),
        leading_blanks=rows[0].leading_blanks,
    )


def _passes(
    model: LanguageModel,
    tokenizer: PreTrainedTokenizerBase,
    rows: Mapping[int, Encoded],
    examples: Sequence[Example],
    kind: Kind,
    batch_size: int,
    budget: int,
) -> Iterator[tuple[Sequence[int], Sequence[TokenScores]]]:
    """Yield indices of rows, and their scores, a forward pass at a time.

    Answers to one prompt share its pass where the model allows it; windows of texts do not.
    """
    prompts = {index: examples[row.example].prompt for index, row in rows.items()}
    related: list[Family] = []
    if kind != "text" and len(set(prompts.values())) < len(prompts) and attends_to_all(model):
        related = families(rows, prompts)
    together = {index for family in related for index in family.rows}
    token = bytes_per_token(model)

    def whole(part: Sequence[int]) -> list[TokenScores]:
        return _score_batch(model, tokenizer, [rows[index] for index in part])

    alone = {index: len(row.input_ids) for index, row in rows.items() if index not in together}
    yield from scored_in_batches(
        whole, alone, batch_size=batch_size, bytes_per_token=token, budget=budget
    )

    def shared(part: Sequence[int]) -> list[tuple[list[int], list[TokenScores]]]:
        return [_score_families(model, tokenizer, [related[at] for at in part], rows)]

    most = max((len(family.rows) for family in related), default=1)
    longest = {
        at: max(len(rows[index].input_ids) for index in family.rows)
        for at, family in enumerate(related)
    }
    for _, results in scored_in_batches(
        shared,
        longest,
        batch_size=max(1, batch_size // most),
        bytes_per_token=token * most,
        budget=budget,
    ):
        yield from results


@torch.inference_mode()
def _score_families(
    model: LanguageModel,
    tokenizer: PreTrainedTokenizerBase,
    chosen: Sequence[Family],
    rows: Mapping[int, Encoded],
) -> tuple[list[int], list[TokenScores]]:
    logits, batch, indices = shared_logits(model, chosen, rows, tokenizer.pad_token_id)
    return indices, _scores(tokenizer, logits, batch, [rows[index] for index in indices])


@torch.inference_mode()
def _score_batch(
    model: LanguageModel, tokenizer: PreTrainedTokenizerBase, rows: Sequence[Encoded]
) -> list[TokenScores]:
    batch = collate(rows, tokenizer.pad_token_id).to(model.device)
    return _scores(tokenizer, scored_logits(model, batch), batch, rows)


def _scores(
    tokenizer: PreTrainedTokenizerBase,
    logits: torch.Tensor,
    batch: TokenBatch,
    rows: Sequence[Encoded],
) -> list[TokenScores]:
    """Return the scores of a batch's rows from the logits that predict what is scored, (N, V)."""
    scored = scored_positions(batch)
    targets = batch.labels[:, 1:][scored]
    counts = scored.sum(dim=1).tolist()
    columns = _position_scores(logits, targets)
    if not bool(torch.isfinite(columns[0]).all()):
        raise ModelError("the model's probabilities are not finite: its weights have run away")
    log_probs, best, means, variances = (column.tolist() for column in columns)
    expected = targets.tolist()
    blanks: dict[int, bool] = {}
    results = []
    end = 0
    for row, count in zip(rows, counts, strict=True):
        own = slice(end, end + count)
        end += count
        said, answer = best[own], expected[own]
        results.append(
            TokenScores(
                log_probs=tuple(log_probs[own]),
                hits=tuple(map(eq, said, answer)),
                means=tuple(means[own]),
                variances=tuple(variances[own]),
                argmax_text=tokenizer.decode(said, skip_special_tokens=True),
                answer_text=tokenizer.decode(answer, skip_special_tokens=True),
                truncated=row.truncated,
                leading_blanks=_leading_blanks(tokenizer, answer, blanks),
            )
        )
    return results


def _leading_blanks(
    tokenizer: PreTrainedTokenizerBase, tokens: Sequence[int], blanks: dict[int, bool]
) -> int:
    """Return how many tokens stand before the first that is more than white space.

    Args:
        tokenizer: the model's.
        tokens: of an answer.
        blanks: whether a token is white space, of those that were looked at; it grows.
    """
    for at, token in enumerate(tokens):
        if token not in blanks:
            blanks[token] = not tokenizer.decode([token]).strip()
        if not blanks[token]:
            return at
    return len(tokens)


def _position_scores(logits: torch.Tensor, targets: torch.Tensor) -> list[torch.Tensor]:
    """Return, for N positions, log-probability, arg max, and the vocabulary's mean and variance.

    Mean and variance are those of the log-probabilities under the model's own distribution.

    Args:
        logits: (N, V).
        targets: (N,) int64.

    Returns:
        Four tensors (N,) on the CPU.
    """
    parts = []
    entries = ENTRIES_IN_CACHE if logits.device.type == "cpu" else ENTRIES_AT_ONCE
    size = max(1, min(POSITIONS_AT_ONCE, entries // logits.shape[1]))
    for chunk, wanted in zip(logits.split(size), targets.split(size), strict=True):
        log_probs = chunk.float().log_softmax(dim=-1)
        chosen = log_probs.gather(1, wanted[:, None])[:, 0]
        # A token of probability 0 may have log-probability -inf; it weighs nothing.
        probs = log_probs.clamp_(min=LOWEST).exp()
        means = (probs * log_probs).sum(dim=-1)
        variances = probs.mul_(log_probs.sub_(means[:, None]).square_()).sum(dim=-1)
        parts.append((chosen, chunk.argmax(dim=-1), means, variances))
    return [torch.cat(column).cpu() for column in zip(*parts, strict=True)]
