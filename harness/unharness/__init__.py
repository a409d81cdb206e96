"""unharness: an evaluation harness for LLM unlearning.

What a plugin author needs stands here; names load when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unharness.attacks.attack import Attack
    from unharness.attacks.context import AttackContext
    from unharness.cli.console import echo, echo_json, stdout_console
    from unharness.cli.main import LazyGroup
    from unharness.cli.options import debug_option, format_option, results_option
    from unharness.cli.skipped import warn
    from unharness.data.batches import TokenBatch, UnlearnBatch
    from unharness.data.examples import Example, Generation, Role, Split
    from unharness.data.json_rows import DataRow
    from unharness.data.layout import (
        DataLayout,
        DataPart,
        HubDataset,
        HubRows,
        NamedFiles,
        PairsLayout,
        StandIn,
    )
    from unharness.data.published_models import PublishedModels
    from unharness.data.recipe import FineTuneConfig, LoraSettings, TrainConfig
    from unharness.data.refusals import bundled_refusals
    from unharness.data.sources import DataSource
    from unharness.data.task import Task
    from unharness.data.task_data import DataOrigin, TaskData
    from unharness.data.validation import QuestionKind, validation_splits
    from unharness.engines.engine import Engine, Sampling
    from unharness.errors import DataError, MethodError, ModelError, UnharnessError, UsageError
    from unharness.evaluation.combined import combined
    from unharness.evaluation.logs import EvaluationLog, LogReader
    from unharness.evaluation.metric import Metric, Score
    from unharness.evaluation.observed import Observed, TokenScores
    from unharness.evaluation.observer import Observer, ObserverContext
    from unharness.evaluation.requests import Choices, Generated, Likelihood, Observation, Paired
    from unharness.evaluation.rouge import rouge_l_f1, rouge_l_parts
    from unharness.evaluation.seen import ChoiceScores, Seen
    from unharness.evaluation.suite import Suite, SuiteTask
    from unharness.evaluation.uses import Composite, MetricUse
    from unharness.hookspecs import hookimpl
    from unharness.loggers.logger import LoggedRun, Logger
    from unharness.model_types import LanguageModel
    from unharness.models.inference import InferenceWrapper, UnlearnedModel
    from unharness.models.preset import ModelPreset
    from unharness.models.weights import WeightsRef
    from unharness.pipeline.evaluating import evaluate
    from unharness.pipeline.run import run
    from unharness.progress import Progress
    from unharness.records.collection import Records, load_records
    from unharness.records.record import RunRecord
    from unharness.registry import Ref
    from unharness.report.build import load_board
    from unharness.report.formats import markdown_table
    from unharness.report.published import (
        PublishedCell,
        PublishedResults,
        PublishedRow,
        PublishedTable,
        load_published,
    )
    from unharness.report.rows import Board, Row
    from unharness.report.values import format_number
    from unharness.sweeps.executors.executor import Executor, Job, JobResult, SweepObserver
    from unharness.sweeps.from_python import Tuned, sweep, tune
    from unharness.terminal import Text, print_table
    from unharness.training.blocks import (
        block_outputs,
        decoder_blocks,
        final_norm,
        hidden_states,
    )
    from unharness.training.likelihood import (
        scored_log_probs,
        sequence_jsd,
        sequence_kl,
        sequence_nll,
        token_log_probs,
    )
    from unharness.training.ranks import mean_over_processes
    from unharness.training.reductions import answer_means, position_losses, token_mean
    from unharness.training.scored_logits import all_logits, scored_logits, scored_positions
    from unharness.training.sharded import gather_full_tensor
    from unharness.unlearning.context import UnlearnContext
    from unharness.unlearning.log_ratios import sequence_log_ratios, token_log_ratios
    from unharness.unlearning.method import LossMethod, Method
    from unharness.unlearning.presets import Preset
    from unharness.unlearning.retain_loss import RetainLoss, RetainLossMethod
    from unharness.unlearning.search import Choice, FloatRange, Search
    from unharness.unlearning.streams import Stream
    from unharness.unlearning.target_gradients import target_gradients
    from unharness.unlearning.wrapping import WrapperMethod

__version__ = "0.1.0"
API_VERSION = "1.6"
"""Of the public names and their signatures: what goes or changes raises the first number, what is
added the second."""

_HOMES = {
    "attacks.attack": ("Attack",),
    "attacks.context": ("AttackContext",),
    "cli.console": ("echo", "echo_json", "stdout_console"),
    "cli.main": ("LazyGroup",),
    "cli.options": ("debug_option", "format_option", "results_option"),
    "cli.skipped": ("warn",),
    "data.batches": ("TokenBatch", "UnlearnBatch"),
    "data.examples": ("Example", "Generation", "Role", "Split"),
    "data.published_models": ("PublishedModels",),
    "data.recipe": ("FineTuneConfig", "LoraSettings", "TrainConfig"),
    "data.json_rows": ("DataRow",),
    "data.layout": (
        *("DataLayout", "DataPart", "HubDataset", "HubRows", "NamedFiles", "PairsLayout"),
        "StandIn",
    ),
    "data.refusals": ("bundled_refusals",),
    "data.sources": ("DataSource",),
    "data.task": ("Task",),
    "data.task_data": ("DataOrigin", "TaskData"),
    "data.validation": ("QuestionKind", "validation_splits"),
    "engines.engine": ("Engine", "Sampling"),
    "errors": ("DataError", "MethodError", "ModelError", "UnharnessError", "UsageError"),
    "evaluation.combined": ("combined",),
    "evaluation.logs": ("EvaluationLog", "LogReader"),
    "evaluation.metric": ("Metric", "Score"),
    "evaluation.observed": ("Observed", "TokenScores"),
    "evaluation.observer": ("Observer", "ObserverContext"),
    "evaluation.requests": ("Choices", "Generated", "Likelihood", "Observation", "Paired"),
    "evaluation.rouge": ("rouge_l_f1", "rouge_l_parts"),
    "evaluation.seen": ("ChoiceScores", "Seen"),
    "evaluation.suite": ("Suite", "SuiteTask"),
    "evaluation.uses": ("Composite", "MetricUse"),
    "hookspecs": ("hookimpl",),
    "report.formats": ("markdown_table",),
    "report.values": ("format_number",),
    "report.published": (
        *("PublishedCell", "PublishedResults", "PublishedRow", "PublishedTable"),
        "load_published",
    ),
    "report.build": ("load_board",),
    "report.rows": ("Board", "Row"),
    "loggers.logger": ("LoggedRun", "Logger"),
    "model_types": ("LanguageModel",),
    "models.inference": ("InferenceWrapper", "UnlearnedModel"),
    "models.preset": ("ModelPreset",),
    "models.weights": ("WeightsRef",),
    "registry": ("Ref",),
    "records.record": ("RunRecord",),
    "records.collection": ("Records", "load_records"),
    "pipeline.evaluating": ("evaluate",),
    "pipeline.run": ("run",),
    "progress": ("Progress",),
    "sweeps.executors.executor": ("Executor", "Job", "JobResult", "SweepObserver"),
    "sweeps.from_python": ("Tuned", "sweep", "tune"),
    "terminal": ("Text", "print_table"),
    "training.blocks": ("block_outputs", "decoder_blocks", "final_norm", "hidden_states"),
    "training.likelihood": (
        "scored_log_probs",
        "sequence_jsd",
        "sequence_kl",
        "sequence_nll",
        "token_log_probs",
    ),
    "training.ranks": ("mean_over_processes",),
    "training.reductions": ("answer_means", "position_losses", "token_mean"),
    "training.scored_logits": ("all_logits", "scored_logits", "scored_positions"),
    "training.sharded": ("gather_full_tensor",),
    "unlearning.context": ("UnlearnContext",),
    "unlearning.log_ratios": ("sequence_log_ratios", "token_log_ratios"),
    "unlearning.method": ("LossMethod", "Method"),
    "unlearning.presets": ("Preset",),
    "unlearning.retain_loss": ("RetainLoss", "RetainLossMethod"),
    "unlearning.search": ("Choice", "Search", "FloatRange"),
    "unlearning.streams": ("Stream",),
    "unlearning.target_gradients": ("target_gradients",),
    "unlearning.wrapping": ("WrapperMethod",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "API_VERSION",
    "Attack",
    "AttackContext",
    "Board",
    "Choice",
    "ChoiceScores",
    "Choices",
    "Composite",
    "DataError",
    "DataLayout",
    "DataOrigin",
    "DataPart",
    "DataRow",
    "DataSource",
    "Engine",
    "EvaluationLog",
    "Example",
    "Executor",
    "FineTuneConfig",
    "FloatRange",
    "Generated",
    "Generation",
    "HubDataset",
    "HubRows",
    "InferenceWrapper",
    "Job",
    "JobResult",
    "LanguageModel",
    "LazyGroup",
    "Likelihood",
    "LogReader",
    "LoggedRun",
    "Logger",
    "LoraSettings",
    "LossMethod",
    "Method",
    "MethodError",
    "Metric",
    "MetricUse",
    "ModelError",
    "ModelPreset",
    "NamedFiles",
    "Observation",
    "Observed",
    "Observer",
    "ObserverContext",
    "Paired",
    "PairsLayout",
    "Preset",
    "Progress",
    "PublishedCell",
    "PublishedModels",
    "PublishedResults",
    "PublishedRow",
    "PublishedTable",
    "QuestionKind",
    "Records",
    "Ref",
    "RetainLoss",
    "RetainLossMethod",
    "Role",
    "Row",
    "RunRecord",
    "Sampling",
    "Score",
    "Search",
    "Seen",
    "Split",
    "StandIn",
    "Stream",
    "Suite",
    "SuiteTask",
    "SweepObserver",
    "Task",
    "TaskData",
    "Text",
    "TokenBatch",
    "TokenScores",
    "TrainConfig",
    "Tuned",
    "UnharnessError",
    "UnlearnBatch",
    "UnlearnContext",
    "UnlearnedModel",
    "UsageError",
    "WeightsRef",
    "WrapperMethod",
    "__version__",
    "all_logits",
    "answer_means",
    "block_outputs",
    "bundled_refusals",
    "combined",
    "debug_option",
    "decoder_blocks",
    "echo",
    "echo_json",
    "evaluate",
    "final_norm",
    "format_number",
    "format_option",
    "gather_full_tensor",
    "hidden_states",
    "hookimpl",
    "load_board",
    "load_published",
    "load_records",
    "markdown_table",
    "mean_over_processes",
    "position_losses",
    "print_table",
    "results_option",
    "rouge_l_f1",
    "rouge_l_parts",
    "run",
    "scored_log_probs",
    "scored_logits",
    "scored_positions",
    "sequence_jsd",
    "sequence_kl",
    "sequence_log_ratios",
    "sequence_nll",
    "stdout_console",
    "sweep",
    "target_gradients",
    "token_log_probs",
    "token_log_ratios",
    "token_mean",
    "tune",
    "validation_splits",
    "warn",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'unharness' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"unharness.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
