"""From a log's numbers by example to observations, and to the columns that follow from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from unharness import (
    Composite,
    EvaluationLog,
    Example,
    Generated,
    Likelihood,
    MetricUse,
    Observation,
    Observed,
    Split,
    TokenScores,
)
from unharness_metrics.attacks import Attack
from unharness_metrics.gradient_norm import GradientNorm
from unharness_metrics.logged import Logged, observed_numbers

Number = float | None
Reference = Literal["base", "target", "retrained"]
LogRole = Literal["forget", "retain", "utility", "holdout"]
RECALL = "rouge_l_recall"
UTILITY = "model_utility"
PARTS_OF_UTILITY: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    ("probability", "probability", {}),
    (RECALL, "logged_share", {"number": RECALL}),
    ("truth_ratio", "truth_ratio", {}),
)
"""Beginning of the label, metric, and its parameters."""
SHARES = ("probability", "paraphrase_probability", "logged_share")
"""Metrics of which residue and gap are computed where there are target and retrained logs."""
OVERALL: tuple[Attack, ...] = ("loss", "zlib", "min_k", "min_k_pp")
"""Attacks whose s_MIA OpenUnlearning's privacy is the harmonic mean of."""
MEMORISED = ("extraction_strength", "exact_memorisation")
"""Shares that OpenUnlearning's memorisation takes, beside paraphrases and truth ratios."""
EMPTY_BYTES = 8
"""Of an empty text that zlib has compressed: what a one-token row's loss is divided by."""


@dataclass(frozen=True)
class LoggedExample:
    """One example's numbers; None: it was not scored. NLLs are means over tokens, nats."""

    id: str
    nll: Number = None
    """Of the own answer."""
    paraphrase: tuple[Number, ...] = ()
    """Of right answers in other words."""
    perturbed: tuple[Number, ...] = ()
    """Of wrong answers."""
    attacks: Mapping[Attack, Number] = field(default_factory=dict)
    """Scores of membership attacks, higher: less like what was trained on."""
    shares: Mapping[str, Number] = field(default_factory=dict)
    """Other numbers, 0 … 1, such as a ROUGE recall."""
    answer: str = ""
    generated: str | None = None
    group: str = ""


@dataclass(frozen=True)
class LoggedSplit:
    """A split's examples."""

    name: str
    role: LogRole
    examples: tuple[LoggedExample, ...]

    def has(self, kind: Literal["nll", "paraphrase", "perturbed", "generated"]) -> bool:
        """Return whether an example has such a number."""
        return any(getattr(row, kind) not in (None, (), "") for row in self.examples)

    @property
    def attacks(self) -> tuple[Attack, ...]:
        """The attacks of which there are scores, the loss from NLLs included."""
        named = dict.fromkeys(name for row in self.examples for name in row.attacks)
        if self.has("nll"):
            named["loss"] = None
        return tuple(named)

    @property
    def shares(self) -> tuple[str, ...]:
        """The names of the other numbers."""
        return tuple(dict.fromkeys(name for row in self.examples for name in row.shares))


def evaluation_log(
    splits: Sequence[LoggedSplit],
    references: Mapping[Reference, Sequence[EvaluationLog]] | None = None,
) -> EvaluationLog:
    """Return splits of numbers as observations, with every column that they allow."""
    known: list[Split] = []
    observed: dict[tuple[str, Observation], Observed] = {}
    uses: list[MetricUse | Composite] = []
    for split in splits:
        known.append(_split(split, split.name))
        observed |= {(split.name, request): one for request, one in _observed(split)}
        uses += _uses(split, first=split is _of_role(splits, "forget"))
    uses += _model_utility(uses, splits)
    forget, holdout = _of_role(splits, "forget"), _of_role(splits, "holdout")
    if forget:
        uses += _memorisation(forget)
    base: dict[tuple[str, Observation], Observed] = {}
    if forget and holdout:
        shared = [name for name in forget.attacks if name in holdout.attacks]
        for attack in shared:
            for split in (forget, holdout):
                name = f"{split.name}.{attack}"
                known.append(_split(split, name))
                values = [_score(row, attack) for row in split.examples]
                request = GradientNorm() if attack == "gradnorm" else Likelihood()
                observed[name, request] = _attack_rows(attack, values)
                if attack == "reference":
                    base[name, request] = _attack_rows(attack, [0.0] * len(values))
        uses += _attack_uses(forget, holdout, shared)
    given = dict(references or {})
    if base:  # the scores are differences already
        given["base"] = (EvaluationLog(known, base, ()),)
    return EvaluationLog(known, observed, uses, given, tuple(_beside_target(uses, forget)))


def _of_role(splits: Sequence[LoggedSplit], role: LogRole) -> LoggedSplit | None:
    return next((split for split in splits if split.role == role), None)


def _split(split: LoggedSplit, name: str) -> Split:
    examples = tuple(Example(row.id, "", row.answer, row.group) for row in split.examples)
    return Split(name, split.role, examples=examples)


def _row(nll: Number) -> TokenScores | None:
    """Return an answer of one token, whose mean NLL it is; what a log has not is neutral."""
    if nll is None:
        return None
    return TokenScores((-nll,), (False,), (0.0,), (1.0,), "", "", False, 0)


def _observed(split: LoggedSplit) -> Iterator[tuple[Observation, Observed]]:
    rows = split.examples
    if split.has("nll"):
        yield Likelihood(), Observed.of_tokens([[_row(row.nll)] for row in rows])
    if split.has("paraphrase"):
        yield (
            Likelihood(answers=("paraphrase",)),
            Observed.of_tokens([[_row(one) for one in row.paraphrase] for row in rows]),
        )
    if split.has("perturbed"):
        yield (
            Likelihood(answers=("perturbed",)),
            Observed.of_tokens([[_row(one) for one in row.perturbed] for row in rows]),
        )
    if split.has("generated"):
        yield Generated(), Observed(texts={"samples": [[row.generated or ""] for row in rows]})
    for name in split.shares:
        yield Logged(name), observed_numbers([row.shares.get(name) for row in rows])


def _uses(split: LoggedSplit, *, first: bool) -> Iterator[MetricUse]:
    name, forget = split.name, split.role == "forget"
    if split.role == "utility" and split.has("nll") and split.has("perturbed"):
        yield MetricUse("option_probability", name, label=f"probability_{name}")
    elif split.has("nll") and split.role != "holdout":
        yield MetricUse("probability", name)
    if split.has("paraphrase"):
        yield MetricUse("paraphrase_probability", name)
    correct = "paraphrase" if split.has("paraphrase") else "answer"
    ratios = split.has("perturbed") and (split.has("paraphrase") or split.has("nll"))
    if ratios:
        aggregate = "closer_to_1" if forget else "true_better"
        yield MetricUse("truth_ratio", name, correct=correct, aggregate=aggregate)
    if forget and ratios:
        label = f"truth_ratio_prob_{name}"
        yield MetricUse("truth_ratio", name, label=label, correct=correct, aggregate="prob_mean")
    if forget and (ratios or split.has("nll")):
        of = "truth_ratio" if ratios else "nats"
        for metric in ("forget_quality", "forget_quality_d"):
            label = metric if first else f"{metric}_{name}"
            yield MetricUse(metric, name, label=label, of=of, correct=correct)
    if split.has("generated"):
        yield MetricUse("rouge_l_text", name, label=f"{RECALL}_{name}")
    for share in split.shares:
        if share != RECALL or not split.has("generated"):
            yield MetricUse("logged_share", name, label=f"{share}_{name}", number=share)


def _model_utility(
    uses: Sequence[MetricUse | Composite], splits: Sequence[LoggedSplit]
) -> list[MetricUse | Composite]:
    """Return TOFU's: the harmonic mean of three numbers each of the retain and two utility sets.

    Numbers that the log has not are among them, so that the reason is said.
    """
    chosen = [split.name for split in splits if split.role in ("retain", "utility")]
    if len(chosen) < 3:
        return []
    parts = {
        f"{what}_{name}": MetricUse(metric, name, label=f"{what}_{name}", detail=True, **params)
        for name in chosen
        for what, metric, params in PARTS_OF_UTILITY
    }
    there = {use.label_on(use.split or "") for use in uses if isinstance(use, MetricUse)}
    missing = [use for label, use in parts.items() if label not in there]
    return [*missing, Composite(UTILITY, "harmonic_mean", tuple(parts), "higher")]


def _beside_target(
    uses: Sequence[MetricUse | Composite], forget: LoggedSplit | None
) -> Iterator[Composite]:
    """Yield how much utility is kept, and how near the forget numbers are to the retrained model's.

    The second is of shares: residue, and its size.
    """
    for use in uses:
        if isinstance(use, Composite):
            if use.label == UTILITY:
                yield Composite(f"{UTILITY}_kept", "share_of_target", (UTILITY,))
        elif forget and use.split == forget.name and use.metric in SHARES and not use.detail:
            label = use.label_on(forget.name)
            yield Composite(f"residue_{label}", "residue", (label,))
            yield Composite(f"gap_{label}", "gap", (label,))


def _memorisation(forget: LoggedSplit) -> Iterator[MetricUse | Composite]:
    """Yield OpenUnlearning's: the harmonic mean of 100 minus each of four shares that are known."""
    if set(MEMORISED).isdisjoint(forget.shares):
        return
    logged = {name: ("logged_share", {"number": name}) for name in MEMORISED}
    known: Mapping[str, tuple[str, Mapping[str, Any]]] = {
        **logged,
        "paraphrase_probability": ("paraphrase_probability", {}),
        "truth_ratio_prob": ("truth_ratio", {"aggregate": "prob_mean"}),
    }
    labels = {name: f"without_{name}_{forget.name}" for name in known}
    for name, (metric, params) in known.items():
        yield MetricUse(
            metric,
            forget.name,
            label=labels[name],
            complement=True,
            direction="higher",
            detail=True,
            **params,
        )
    yield Composite("memorisation", "harmonic_mean", tuple(labels.values()), "higher")


def _score(row: LoggedExample, attack: Attack) -> Number:
    return row.nll if attack == "loss" and attack not in row.attacks else row.attacks.get(attack)


def _attack_rows(attack: Attack, values: Sequence[Number]) -> Observed:
    """Return observations of which an attack makes these scores.

    An answer of one token at mean 0 and variance 1 of the vocabulary has minus its log-probability
    for its score by loss, min-k and min-k++; an empty text has a length of its own under zlib.
    """
    if attack == "gradnorm":
        return Observed({"norms": observed_numbers(values).arrays["values"]})
    factor = EMPTY_BYTES if attack == "zlib" else 1
    return Observed.of_tokens([[_row(None if one is None else one * factor)] for one in values])


def _attack_uses(
    forget: LoggedSplit, holdout: LoggedSplit, attacks: Sequence[Attack]
) -> Iterator[MetricUse | Composite]:
    for metric, label in (
        ("attack_auc", "auc"),
        ("attack_tpr", "tpr"),
        ("privleak", "privleak"),
        ("s_mia", "s_mia"),
    ):
        for attack in attacks:
            yield MetricUse(
                metric,
                f"{forget.name}.{attack}",
                against=f"{holdout.name}.{attack}",
                label=f"{label}_{attack}",
                attack=attack,
            )
    if set(OVERALL) <= set(attacks):
        yield Composite("privacy", "harmonic_mean", tuple(f"s_mia_{one}" for one in OVERALL))
