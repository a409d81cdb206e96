"""What the core itself registers: observers, suites, engines, models, loggers, executors."""

from __future__ import annotations

from unharness.hookspecs import hookimpl
from unharness.registry import Ref

_OBSERVERS = "unharness.evaluation.observers."


@hookimpl
def unharness_observers() -> list[Ref]:
    """Return the built-in observers."""
    return [
        Ref(
            _OBSERVERS + "likelihood:LikelihoodObserver",
            "likelihood",
            "Token scores of answers, of any kind to any kind of prompts, under teacher forcing.",
        ),
        Ref(
            _OBSERVERS + "generation:GenerationObserver",
            "generation",
            "Texts that continue the prompt, greedy or sampled.",
        ),
        Ref(
            _OBSERVERS + "likelihood:ChoicesObserver",
            "choices",
            "Likelihood of each of an example's choices as its answer.",
        ),
        Ref(
            _OBSERVERS + "paired:PairedObserver",
            "paired",
            "Divergence of predictions from the base, target or retrained model's, by token.",
        ),
    ]


@hookimpl
def unharness_suites() -> list[Ref]:
    """Return the built-in suites."""
    return [
        Ref(
            "unharness.evaluation.suite:GeneralFacts",
            "general-facts",
            "150 bundled facts, as choices and as open questions; works offline.",
        ),
        Ref(
            "unharness.evaluation.suite:Knowledge",
            "knowledge",
            "MMLU, ARC, TruthfulQA (mc1), SIQA, OpenBookQA, PIQA, WinoGrande, BoolQ; WMDP beside "
            "them; from --suite-data DIR or the hub.",
        ),
    ]


@hookimpl
def unharness_engines() -> list[Ref]:
    """Return the built-in engines."""
    return [
        Ref(
            "unharness.engines.hf:HfEngine",
            "hf",
            "transformers' own generate, on the model in hand; CPU or GPU.",
        ),
        Ref(
            "unharness.engines.vllm.engine:VllmEngine",
            "vllm",
            "vLLM in a process of its own, one for many models; GPU, or its CPU build.",
        ),
    ]


@hookimpl
def unharness_models() -> list[Ref]:
    """Return the built-in model presets."""
    return [
        Ref(
            "unharness.models.tiny:Tiny",
            "tiny",
            "A 1.3 M parameter Llama trained on this machine in about 90 s; no GPU, no hub.",
        ),
        Ref(
            "unharness.models.micro:Micro",
            "micro",
            "A two-layer Llama that learns a few dozen facts in seconds; for tests alone.",
        ),
        Ref(
            "unharness.models.smollm2:SmolLM2",
            "smollm2-135m",
            "SmolLM2-135M-Instruct, a pretrained language model; from PyPI, no hub.",
        ),
    ]


@hookimpl
def unharness_loggers() -> list[Ref]:
    """Return the built-in loggers."""
    return [
        Ref(
            "unharness.loggers.to_tensorboard:TensorBoard",
            "tensorboard",
            "Event files for TensorBoard, a folder a run; TENSORBOARD_LOGGING_DIR or local.",
        ),
        Ref(
            "unharness.loggers.to_wandb:WandB",
            "wandb",
            "Weights & Biases; WANDB_MODE=offline keeps it on this machine.",
        ),
        Ref(
            "unharness.loggers.to_mlflow:MLflow",
            "mlflow",
            "MLflow; MLFLOW_TRACKING_URI, or a SQLite file in the results folder.",
        ),
        Ref(
            "unharness.loggers.to_trackio:Trackio",
            "trackio",
            "Trackio; on this machine, or in the Space that TRACKIO_SPACE_ID names.",
        ),
    ]


@hookimpl
def unharness_executors() -> list[Ref]:
    """Return the built-in executors of sweeps."""
    return [
        Ref(
            "unharness.sweeps.executors.local:Local",
            "local",
            "Worker processes on this machine, one a GPU; on a CPU they share its threads.",
        ),
        Ref(
            "unharness.sweeps.executors.in_process:InProcess",
            "in-process",
            "One run after the other in this process: for notebooks, debuggers, small models.",
        ),
        Ref(
            "unharness.sweeps.executors.on_ray:OnRay",
            "ray",
            "Tasks on a Ray cluster; a lost node's jobs go on elsewhere.",
        ),
    ]
