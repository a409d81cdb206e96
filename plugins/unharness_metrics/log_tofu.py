"""Evaluation logs of TOFU's and of OpenUnlearning's code."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from unharness import DataError, EvaluationLog, LogReader
from unharness_metrics.attacks import Attack
from unharness_metrics.log_numbers import (
    RECALL,
    LoggedExample,
    LoggedSplit,
    LogRole,
    evaluation_log,
)

Column = Mapping[str, Any]
"""By the example's index, as text."""
SPLITS: Mapping[str, tuple[str, LogRole]] = {
    "forget": ("forget", "forget"),
    "retain": ("retain", "retain"),
    "ra": ("real_authors", "utility"),
    "wf": ("world_facts", "utility"),
}
"""By OpenUnlearning's prefix."""
FILES = {
    "eval_log_forget.json": "forget",
    "eval_log.json": "retain",
    "eval_real_author_wo_options.json": "ra",
    "eval_real_world_wo_options.json": "wf",
}
"""By the part of TOFU's aggregated log."""
ATTACKS: Mapping[str, Attack] = {
    "mia_loss": "loss",
    "mia_zlib": "zlib",
    "mia_min_k": "min_k",
    "mia_min_k_plus_plus": "min_k_pp",
    "mia_reference": "reference",
    "mia_gradnorm": "gradnorm",
}
SHARES = {"extraction_strength": "extraction_strength", "exact_memorization": "exact_memorisation"}
"""OpenUnlearning's scores of the forget set, and what they are called here."""
MUSE: Mapping[str, tuple[str, LogRole, str]] = {
    "forget_knowmem_ROUGE": ("forget_knowmem", "forget", "knowmem"),
    "retain_knowmem_ROUGE": ("retain_knowmem", "retain", "knowmem"),
    "forget_verbmem_ROUGE": ("forget_verbmem", "forget", "verbmem"),
}
"""OpenUnlearning's ROUGE-L F1 on MUSE, each of questions or texts of its own: split and number."""


class TofuLog(LogReader):
    """TOFU's `eval_log_aggregated.json`: mean NLLs and ROUGE-L recall by example.

    `avg_paraphrased_loss` is of the paraphrased answer in the forget and retain parts, and of the
    original one, again, in the others, where it is not read.
    """

    name = "tofu"
    summary = "eval_log_aggregated.json of TOFU's code (locuslab/tofu)."
    citation = "TOFU, Maini et al. 2024, arXiv 2401.06121"

    def accepts(self, content: Mapping[str, Any]) -> bool:
        """Go by the names of the parts."""
        return any(name in content for name in FILES)

    def read(self, content: Mapping[str, Any]) -> EvaluationLog:
        """Join the columns by index."""
        splits = []
        for name, prefix in FILES.items():
            if name not in content:
                continue
            part = _object(content[name], name)
            columns = {key: _column(part, key, name) for key in part if key in _TOFU}
            own = columns.get("avg_gt_loss", {})
            taught = prefix in ("forget", "retain")
            splits.append(
                _split(
                    *SPLITS[prefix],
                    own,
                    columns.get("avg_paraphrased_loss", {}) if taught else {},
                    columns.get("average_perturb_loss", {}),
                    {RECALL: columns.get("rougeL_recall", {})},
                )
            )
        return evaluation_log(splits)


_TOFU = ("avg_gt_loss", "avg_paraphrased_loss", "average_perturb_loss", "rougeL_recall")


class OpenUnlearningLog(LogReader):
    """OpenUnlearning's `TOFU_EVAL.json` and `MUSE_EVAL.json`, the retained models' too.

    Read are `*_Q_A_Prob`, `*_Q_A_PARA_Prob`, `*_Q_A_PERT_Prob` (`avg_loss`), `*_Q_A_ROUGE`
    (`rougeL_recall`), `*_knowmem_ROUGE` and `*_verbmem_ROUGE` (`rougeL_f1`), `mia_*` (`score`, of
    forget and holdout), `extraction_strength` and `exact_memorization`, all by example; aggregates
    are computed anew.
    """

    name = "open-unlearning"
    summary = "TOFU_EVAL.json or MUSE_EVAL.json of OpenUnlearning."
    citation = "OpenUnlearning, arXiv 2506.12618"

    def accepts(self, content: Mapping[str, Any]) -> bool:
        """Go by the names of the metrics."""
        names = {f"{prefix}_Q_A_Prob" for prefix in SPLITS} | {*ATTACKS, *SHARES, *MUSE}
        return bool(names & content.keys())

    def read(self, content: Mapping[str, Any]) -> EvaluationLog:
        """Join the metrics' values by index."""
        scores = {
            attack: {part: _nested(content, name, part) for part in ("forget", "holdout")}
            for name, attack in ATTACKS.items()
            if name in content
        }
        splits = []
        for prefix in SPLITS:
            own = _losses(content, f"{prefix}_Q_A_Prob")
            shares = {RECALL: _values(content, f"{prefix}_Q_A_ROUGE", "rougeL_recall")}
            attacks: dict[Attack, Column] = {}
            if prefix == "forget":
                shares |= {ours: _values(content, name, "score") for name, ours in SHARES.items()}
                attacks = {attack: parts["forget"] for attack, parts in scores.items()}
            split = _split(
                *SPLITS[prefix],
                own,
                _losses(content, f"{prefix}_Q_A_PARA_Prob"),
                _losses(content, f"{prefix}_Q_A_PERT_Prob"),
                shares,
                attacks,
            )
            splits.append(split)
        others = {attack: parts["holdout"] for attack, parts in scores.items()}
        splits.append(_split("holdout", "holdout", {}, {}, {}, {}, others))
        for key, (name, role, share) in MUSE.items():
            splits.append(
                _split(name, role, {}, {}, {}, {share: _values(content, key, "rougeL_f1")})
            )
        return evaluation_log([split for split in splits if split.examples])


def _split(
    name: str,
    role: LogRole,
    own: Column,
    paraphrase: Column,
    perturbed: Column,
    shares: Mapping[str, Column],
    attacks: Mapping[Attack, Column] | None = None,
) -> LoggedSplit:
    columns = [own, paraphrase, perturbed, *shares.values(), *(attacks or {}).values()]
    indices = dict.fromkeys(index for column in columns for index in column)
    return LoggedSplit(
        name,
        role,
        tuple(
            LoggedExample(
                index,
                nll=_loss(own.get(index), name, index),
                paraphrase=_several_losses(paraphrase.get(index), name, index),
                perturbed=_several_losses(perturbed.get(index), name, index),
                shares={
                    key: _number(column.get(index), name, index)
                    for key, column in shares.items()
                    if column
                },
                attacks={
                    key: _number(column.get(index), name, index)
                    for key, column in (attacks or {}).items()
                    if column
                },
            )
            for index in indices
        ),
    )


def _losses(content: Mapping[str, Any], name: str) -> Column:
    return _values(content, name, "avg_loss")


def _values(content: Mapping[str, Any], name: str, key: str) -> Column:
    """Return one number, or list of numbers, of a metric's values by index."""
    if name not in content:
        return {}
    found = _column(_object(content[name], name), "value_by_index", name)
    return {index: row and _object(row, f"{name}.{index}").get(key) for index, row in found.items()}


def _nested(content: Mapping[str, Any], name: str, part: str) -> Column:
    return _values(_object(content[name], name), part, "score")


def _column(part: Mapping[str, Any], key: str, where: str) -> Column:
    return _object(part.get(key), f"{where}.{key}")


def _object(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise DataError(f"{where}: expected an object, got {type(value).__name__}")
    return value


def _several_losses(value: Any, name: str, index: str) -> tuple[float | None, ...]:
    if value is None:
        return ()
    rows = value if isinstance(value, list) else [value]
    return tuple(_loss(one, name, index) for one in rows)


def _loss(value: Any, name: str, index: str) -> float | None:
    """Return a mean NLL: below 0 a probability would be above 1."""
    found = _number(value, name, index)
    if found is not None and found < 0:
        raise DataError(f"{name}.{index}: a loss of {found:g}; expected 0 or more, nats a token")
    return found


def _number(value: Any, name: str, index: str) -> float | None:
    """Return a number; None for null, and for what is not finite."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DataError(f"{name}.{index}: expected a number, got {type(value).__name__}")
    return float(value) if math.isfinite(value) else None
