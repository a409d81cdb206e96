"""The record of a run: the one truth that everything shown is computed from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from unharness.axes import Axis
from unharness.records.spec import RunSpec

if TYPE_CHECKING:
    from unharness.data.task import Task

SCHEMA_VERSION: Literal[2] = 2
Status = Literal["running", "done", "failed"]
LARGEST = 1e305
"""The largest size of a number: differences and means of such numbers are finite."""
Number = Annotated[float, Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, lt=2**63)]


class RecordPart(BaseModel):
    """A part of a record; unknown fields are refused."""

    # JSON has no NaN; written as one, it is found when the record is checked.
    # The docstring below a field is its description in the JSON Schema.
    model_config = ConfigDict(
        extra="forbid", ser_json_inf_nan="constants", use_attribute_docstrings=True
    )


SAMPLED, SAMPLED_OF = "questions", "of_questions"
"""Parameters of general knowledge that was asked in part: how many questions, of how many."""


class MetricRecord(RecordPart):
    """One column's value."""

    metric: str | None = None
    """The metric's name, or the composite's kind; None for general knowledge."""
    version: int | None = None
    """The metric's; None for a composite."""
    params: dict[str, Any] = Field(default_factory=dict)
    """The metric's parameters; a composite's are the labels `of` its parts."""
    split: str | None = None
    """Which split it is of; None for a composite."""
    against: str | None = None
    """The split that it is set against, where there is one."""
    complement: bool = False
    """Whether it is 100 minus the metric."""
    detail: bool = False
    """Whether tables leave it out unless it is asked for."""
    value: Number | None
    """None where there is none; `status` says why."""
    ci95: tuple[Number, Number] | None = None
    """95% bootstrap interval over examples."""
    stderr: Number | None = None
    n: Count
    """Examples scored."""
    n_unscored: Count = 0
    unit: str
    direction: Literal["higher", "lower", "match_reference"]
    status: str = "ok"
    """`ok`, or why there is no value."""

    @property
    def sample(self) -> str:
        """What share of the questions was asked, in words; empty where all were."""
        asked, of = self.params.get(SAMPLED), self.params.get(SAMPLED_OF)
        if asked is None:
            return ""
        return f"{asked} of {of}" if of is not None else f"{asked} each"

    def origin(self) -> tuple[object, ...]:
        """Return what it is a number of; numbers of different origins are never compared."""
        parts = (self.metric, self.version, self.params)
        return (*parts, self.split, self.against, self.complement)


class RankingRecord(RecordPart):
    """Which columns the task ranks and plots by, for boards where the task is not installed."""

    headline: str | None = None
    """The label of the column that ranks; None: nothing is ranked."""
    forget_axis: str | None = None
    retain_axes: list[str] = Field(default_factory=list)
    axes: dict[str, Axis] = Field(default_factory=dict)
    """By label, or pattern of labels: the axis of boards that the task itself names for it."""
    gold: bool = True
    """Whether there can be a retrained model; if not, nothing is ranked."""

    @classmethod
    def of(cls, task: Task | type[Task]) -> RankingRecord:
        """Return what a task says.

        Raises:
            pydantic.ValidationError: its labels are no texts.
        """
        return cls(
            headline=getattr(task, "headline", None),
            forget_axis=task.forget_axis,
            retain_axes=list(task.retain_axes),
            axes={
                use.label_pattern(): use.axis
                for use in task.metrics
                if getattr(use, "axis", None) is not None
            },
            gold=task.gold,
        )


class DataRecord(RecordPart):
    """The data a run used."""

    source: str
    """`path`, `cache`, `hub` or `standin`."""
    description: str
    revision: str | None = None
    """The commit of the hub's dataset, where the data came from there, now or before."""
    fallback: str | None = None
    """Why it is the stand-in, where the user did not ask for it."""
    general: str | None = None
    """Where the general text came from that the method was given."""
    hash: str
    """SHA-256 of all splits' content."""
    splits: dict[str, dict[str, Any]]
    """By split: `n` and `hash`."""
    truncated: dict[str, Count] = Field(default_factory=dict)
    """By split: examples longer than the maximum length, cut there."""


class TargetRecord(RecordPart):
    """The target model."""

    weights_hash: str
    tuning: str
    cached: bool
    """Whether it was trained before this run."""
    training: dict[str, Any]
    """Steps, examples, tokens, seconds, the last loss, and `resumed_at` as in TrainingRecord, where
    it was; empty for a given target."""
    source: Literal["trained", "given"] = "trained"
    """`given`: the user named weights that know the facts, and nothing was taught."""
    given: str | None = None
    """The folder or hub id that was given."""
    revision: str | None = None
    """The commit on the hub that the given weights are of."""


class TrainingRecord(RecordPart):
    """What the method did."""

    steps: Count = 0
    examples: Count = 0
    tokens: Count = 0
    losses: list[Number] = Field(default_factory=list)
    """The loss of every step."""
    update_norms: dict[str, Number] = Field(default_factory=dict)
    """By trained tensor: the L2 norm of its weights after minus before; 0 if it never moved."""
    resumed_at: list[Count] = Field(default_factory=list)
    """Numbers of the steps behind which the training went on after it had been interrupted."""
    trainable_parameters: Count = 0
    total_parameters: Count = 0
    weights_hash: str | None = None
    """SHA-256 of the unlearned weights; equal to the target's if nothing changed."""
    report: dict[str, Any] = Field(default_factory=dict)
    """What the method reported: JSON values by name."""
    wrapper: dict[str, Any] | None = None
    """Fields of the inference wrapper that the method left; None for none."""


class AttackRecord(RecordPart):
    """What one attack did."""

    name: str
    seconds: Number | None = None
    """Wall-clock seconds, when it was made; of a resumed training all of them."""
    steps: Count = 0
    examples: Count = 0
    tokens: Count = 0
    resumed_at: list[Count] = Field(default_factory=list)
    """As in TrainingRecord."""
    weights_hash: str | None = None
    """SHA-256 of the weights that it left; None where it changes none."""
    report: dict[str, Any] = Field(default_factory=dict)
    """What the attack had to say."""
    wrapper: dict[str, Any] | None = None
    """Fields of the inference wrapper that it left; None for none."""
    seeds: dict[str, int] = Field(default_factory=dict)
    """Every derived seed by purpose."""


class CostRecord(RecordPart):
    """What it cost."""

    train_seconds: Number | None = None
    """Wall-clock seconds of the unlearning, localisation included; of a resumed training, those
    before the interruption too."""
    seconds_per_step: Number | None = None
    """Of the training loop alone."""
    tokens_per_second: Number | None = None
    peak_memory_gb: Number | None = None
    """Highest memory while unlearning: allocated on a GPU, else resident in the process; 1e9 B."""
    trainable_parameters: Count | None = None
    stages: dict[str, Number] = Field(default_factory=dict)
    """Wall-clock seconds by stage."""


class AnswersRecord(RecordPart):
    """What a model's answers to a split look like as a whole."""

    role: str
    """The split's."""
    n: Count
    """Examples evaluated."""
    loops: Number | None = None
    """Share (0 to 1) of the greedy answers that are loops: most of their 4-grams repeat. None where
    no text was generated."""
    same: Number | None = None
    """Share (0 to 1) of the most common greedy answer."""
    predicted: Number | None = None
    """Share (0 to 1) of an answer's tokens that are predicted under teacher forcing, mean over
    examples; None where that was not observed."""


class RunRecord(RecordPart):
    """Everything that a run leaves, but for the examples and the weights beside it."""

    schema_version: Literal[2] = SCHEMA_VERSION
    run_id: str
    identity_version: int = 2
    """Which version of the identity the run id is a hash of; 2 where a record does not say."""
    status: Status
    partial: bool = False
    """Whether the data was limited; such a run is never ranked."""
    started: str
    """UTC, ISO 8601."""
    finished: str | None = None
    spec: RunSpec
    passed: dict[str, Any] = Field(default_factory=dict)
    """What the user gave, before defaults, what is the hub's at the commit that was used."""
    data: DataRecord | None = None
    target: TargetRecord | None = None
    training: TrainingRecord | None = None
    attacks: list[AttackRecord] = Field(default_factory=list)
    """What the attacks did, in their order."""
    metrics: dict[str, MetricRecord] = Field(default_factory=dict)
    ranking: RankingRecord | None = None
    answers: dict[str, AnswersRecord] = Field(default_factory=dict)
    """By evaluated split: what tells whether the model has collapsed."""
    engine: dict[str, Any] | None = None
    """The engine that generated the text: its name, and the facts that it reports."""
    general: dict[str, Any] | None = None
    """Of general knowledge: the suite, lm-eval's version; by task version, shots, numbers."""
    cost: CostRecord = Field(default_factory=CostRecord)
    seeds: dict[str, int] = Field(default_factory=dict)
    """Every derived seed by purpose."""
    provenance: dict[str, Any] = Field(default_factory=dict)
    artifacts: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """By name: `path` relative to the record, `sha256`, and `bytes`, or `kind` for weights."""
    warnings: list[str] = Field(default_factory=list)
    error: str | None = None
    """Why it failed."""
