"""A metric of two models at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from unharness import (
    DataOrigin,
    DataSource,
    Example,
    FineTuneConfig,
    Metric,
    MetricUse,
    Paired,
    Score,
    Seen,
    Split,
    Task,
    TaskData,
    hookimpl,
)

TOWNS = ("Orrin", "Maleth", "Tarn", "Vessle", "Ruon", "Pell", "Grae", "Ibsk")


class Divergence(Metric):
    """Mean over examples of the mean KL(other ‖ model) of answer tokens."""

    name = "probe-divergence"
    summary = "How far predictions are from another model's."
    unit = "nats"
    direction = "lower"

    class Params(Metric.Params):
        with_: str = "retrained"

    def observes(self) -> Paired:
        return Paired(self.params.with_)

    def compute(self, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        rows = [variants[0] for variants in seen.paired(self.params.with_)]
        return seen.mean([None if row is None else sum(row) / len(row) for row in rows])


class Compared(Task):
    """Invented facts; answers are compared with the reference models'."""

    name = "probe-compared"
    summary = "Divergences from the reference models."
    headline = "from_target"
    metrics = tuple(
        MetricUse("probe-divergence", "forget", label=f"from_{name}", with_=name)
        for name in ("base", "target", "retrained")
    )

    def load(self, source: DataSource) -> TaskData:
        return TaskData.of(
            (
                Split(
                    name,
                    name,
                    examples=tuple(
                        Example(f"{name}/{at}", f"Where does {name} {at} live?", f"In {town}.")
                        for at, town in enumerate(TOWNS)
                    ),
                    generation=None,
                )
                for name in ("forget", "retain")
            ),
            DataOrigin("standin", "invented people"),
        )

    def target_recipe(self, model: str) -> FineTuneConfig:
        return FineTuneConfig(epochs=40, lr=1e-2, batch_size=16, warmup_ratio=0.15)


@hookimpl
def unharness_metrics() -> list[type[Metric]]:
    """Register the metric."""
    return [Divergence]


@hookimpl
def unharness_tasks() -> list[type[Task]]:
    """Register the task."""
    return [Compared]
