"""From a model to observations, and from observations to scores."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from unharness.data.examples import Example
from unharness.data.prompts import NO_PROMPT, Prompt
from unharness.data.task_data import TaskData
from unharness.data.templates import CHAT, PLAIN, effective_template, prompt_text
from unharness.engines.engine import Engine, Sampling
from unharness.evaluation.metric import Metric, Score
from unharness.evaluation.metric_plugins import compute
from unharness.evaluation.observations import (
    GENERATED,
    TOKEN_SCORES,
    Observations,
    SplitObservations,
)
from unharness.evaluation.observe import score_tokens
from unharness.models.weights import WeightsRef
from unharness.plugins import Registry
from unharness.progress import Progress, Stage


def observe(
    weights: WeightsRef,
    data: TaskData,
    metrics: Sequence[Metric],
    engine: Engine,
    *,
    max_length: int,
    sampling: Sampling,
    bootstrap_seed: int,
    progress: Progress,
    prompt: Prompt = NO_PROMPT,
    template: str = PLAIN,
) -> Observations:
    """Observe what the metrics need, and no more: one teacher-forced pass a split, at most.

    A prompt stands before every question, and counts on top of `max_length`: the same tokens of
    an answer are scored with it and without.
    """
    asked = {
        split.name: [replace(row, prompt=prompt.before(row.prompt)) for row in split.examples]
        for split in data.evaluated()
    }
    if prompt.text:
        max_length += len(weights.tokenizer(prompt.before(""), verbose=False)["input_ids"])
    token_scores: dict[str, Any] = {}
    for split in _splits(metrics, TOKEN_SCORES, data):
        with progress.stage(f"score {split}") as stage:
            token_scores[split] = score_tokens(
                weights.model,
                weights.tokenizer,
                asked[split],
                max_length=max_length,
                template=effective_template(data.splits[split], template),
                kind=data.splits[split].kind,
                on_done=stage.step,
            )
    generated: dict[str, list[str]] = {}
    wanted = _splits(metrics, GENERATED, data)
    if wanted:
        with progress.stage("generate") as stage:
            engine.load(weights)
            generated = _generate(engine, weights, data, asked, wanted, sampling, template, stage)
    return Observations(
        {
            split: SplitObservations(data[split], token_scores.get(split), generated.get(split))
            for split in sorted({*token_scores, *generated})
        },
        bootstrap_seed,
    )


def _generate(
    engine: Engine,
    weights: WeightsRef,
    data: TaskData,
    asked: Mapping[str, Sequence[Example]],
    wanted: Sequence[str],
    sampling: Sampling,
    template: str,
    stage: Stage,
) -> dict[str, list[str]]:
    """Return, by split, what the engine writes after every question."""
    generated: dict[str, list[str]] = {}
    templates = {split: effective_template(data.splits[split], template) for split in wanted}
    for one in dict.fromkeys(templates.values()):
        splits = [split for split in wanted if templates[split] == one]
        prompts = [
            prompt_text(row.prompt, one, weights.tokenizer)
            for split in splits
            for row in asked[split]
        ]
        how = replace(sampling, special_tokens=one != CHAT)
        texts = engine.generate(prompts, how, stage.step)
        for split in splits:
            generated[split], texts = texts[: len(asked[split])], texts[len(asked[split]) :]
    return generated


def score(
    metrics: Sequence[Metric], observations: Observations, registry: Registry
) -> dict[str, Score]:
    """Compute every metric.

    One that raises, or whose observations are missing, gets no value and says why; the others
    are not affected.
    """
    scores = {}
    for metric in metrics:
        missing = [
            f"{kind} of {split}"
            for kind, split in metric.needs
            if not observations.has(kind, split)
        ]
        if missing:
            scores[metric.name] = Score.missing(f"not observed: {', '.join(missing)}")
        else:
            scores[metric.name] = compute(metric, observations, registry)
    return scores


def example_rows(
    observations: Observations, scores: Mapping[str, Score]
) -> Iterator[dict[str, Any]]:
    """Yield a line for every evaluated example, for the file of examples beside the record."""
    for split, seen in observations.splits.items():
        for index, example in enumerate(seen.examples):
            tokens = seen.token_scores[index] if seen.token_scores else None
            yield {
                "split": split,
                "id": example.id,
                "prompt": example.prompt,
                "answer": example.answer,
                "generated": seen.generated[index] if seen.generated else None,
                "argmax": tokens.argmax_text if tokens else None,
                "hits": [int(hit) for hit in tokens.hits] if tokens else None,
                "log_probs": _rounded(tokens.log_probs) if tokens else None,
                "vocab_means": _rounded(tokens.means) if tokens else None,
                "vocab_variances": _rounded(tokens.variances) if tokens else None,
                "truncated": tokens.truncated if tokens else None,
                "scores": {
                    name: value.per_example[split][index]
                    for name, value in scores.items()
                    if split in value.per_example
                },
            }


def most_common_share(observations: Observations, split: str) -> tuple[float, str]:
    """Return the share (0 to 1) of a split's most common generated text, and that text."""
    if not observations.has(GENERATED, split):
        return 0.0, ""
    texts = [text.strip() for _, text in observations.generated(split)]
    text, count = Counter(texts).most_common(1)[0]
    return count / len(texts), text


def _splits(metrics: Sequence[Metric], kind: str, data: TaskData) -> list[str]:
    needed = {split for metric in metrics for needs, split in metric.needs if needs == kind}
    return sorted(needed & {split.name for split in data.evaluated()})


def _rounded(values: Sequence[float]) -> list[float]:
    """Round to 6 digits behind the point: far below what float32 tells apart here."""
    return [round(value, 6) for value in values]
