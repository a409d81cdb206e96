"""How much memory a training takes: a formula, from the model's shape and the batches' lengths.

Everything here is an estimate, in bytes. What is counted per token is what torch's autograd keeps
of a decoder block of Llama's kind for the backward pass, attention being computed by
`scaled_dot_product_attention`; docs/memory.md says how far it is from what was measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from unharness.models.shape import ModelShape

FLOAT = 4
"""Bytes of a float32: of adapters, gradients, optimizer state, and of weights that are tuned."""
BF16 = 2
MASK = 1
"""Bytes of an entry of a dropout mask on a GPU; on a CPU it is a float32."""
ADAM = 2
"""Moments that AdamW keeps of every trained parameter."""
PROCESS = {"cpu": 0.8e9, "cuda": 0.5e9}
"""Bytes beside all tensors: Python and its libraries, or the CUDA context."""

POSITIONS_AT_ONCE = 256
"""Positions whose distributions `training.divergence` compares at a time."""
DISTRIBUTIONS = 5
"""How many distributions over the vocabulary it holds of each."""


@dataclass(frozen=True)
class Pass:
    """One forward and backward pass of a stream's examples."""

    examples: int
    length: int
    """In tokens, padding included."""
    scored: int
    """Positions of all examples together at which logits are computed."""
    reference: frozenset[str] = frozenset()
    """What the reference model is asked: of {"log_probs", "logits", "hidden"}."""
    layers: int = 0
    """How many blocks' outputs "hidden" asks for."""


@dataclass(frozen=True)
class Training:
    """What decides the memory of a training besides the model."""

    tuning: Literal["lora", "full"]
    device: Literal["cpu", "cuda"]
    autocast: bool
    """Whether it computes under bf16 autocast; else in the weights' own float32."""
    weights_bytes: int
    """Of a base weight: 4, or 2 for bfloat16 under an adapter."""
    terms: tuple[tuple[Pass, ...], ...]
    """Of one micro-batch: the passes of each term of the loss, which is backward before the next
    term is made."""
    accumulates: bool = False
    """Whether a step has several micro-batches."""
    separate_gradients: int = 0
    """How many terms' gradients are kept apart within a step."""
    before: tuple[int, Pass] | None = None
    """Before training: gradients that are held at once, and the pass that makes them."""
    other_weights: bool = False
    """Whether another whole model stands beside the one that is trained."""
    rank: int = 0
    dropout: float = 0.0
    """Of the adapter."""
    kept_tokens: int = 0
    """Tokens of all the rows whose hidden states a reference keeps under full tuning."""


@dataclass(frozen=True)
class MemoryEstimate:
    """What a training takes, in bytes, by part and by moment."""

    parts: Mapping[str, float]
    """Each at its largest; not all are held at once."""
    moments: Mapping[str, float]
    """What is held at once, by moment."""

    @property
    def moment(self) -> str:
        """When memory is at its peak."""
        return max(self.moments, key=lambda name: self.moments[name])

    @property
    def peak(self) -> float:
        """The most that is held at once."""
        return self.moments[self.moment]


def estimate(shape: ModelShape, training: Training) -> MemoryEstimate:
    """Return the estimate for a training of a model of this shape."""
    lora = training.tuning == "lora"
    trained = shape.adapter(training.rank) if lora else shape.parameters
    activations, logits = max(
        (
            (
                sum(activation_bytes(shape, training, one) for one in term),
                sum(logits_bytes(shape, training, one) for one in term),
            )
            for term in training.terms
        ),
        key=sum,
    )
    gradients = FLOAT * trained
    apart = (training.separate_gradients + 1) * gradients if training.separate_gradients else 0
    parts: dict[str, float] = {
        "weights": shape.parameters * training.weights_bytes * (1 + training.other_weights),
        "adapter": FLOAT * trained if lora else 0,
        "bf16 copies of the weights": _copies(shape, training),
        "gradients": max(gradients, apart),
        "optimizer state": ADAM * FLOAT * trained,
        "activations": activations,
        "logits": logits,
        "reference": _reference(shape, training, trained),
        # `update_norms` compares with them at the end; of a training on a GPU they are on the host.
        "initial weights": FLOAT * trained if training.device == "cpu" else 0,
        "process and libraries": PROCESS[training.device],
    }
    weights = sum(
        parts[name] for name in ("weights", "adapter", "initial weights", "process and libraries")
    )
    steady = weights + parts["optimizer state"] + parts["reference"]
    # The first gradient, the output head's, is made while all activations are still there; the
    # last, that of a tied embedding, is added to the head's.
    head = 0 if lora else FLOAT * shape.embedding
    # The second pass of a step finds the gradients of the first.
    standing = training.accumulates or len(training.terms) > 1
    moments = {
        "the end of a forward pass": steady
        + parts["bf16 copies of the weights"]
        + activations
        + logits
        + (parts["gradients"] if standing else head),
        "the end of a backward pass": steady + parts["gradients"] + (head if shape.tied else 0),
    }
    if training.before:
        count, one = training.before
        parts["gradients before training"] = count * gradients
        quiet = replace(training, dropout=0.0)
        parts["activations before training"] = activation_bytes(shape, quiet, one)
        moments["the gradients before training"] = (
            weights
            - parts["initial weights"]
            + parts["bf16 copies of the weights"]
            + parts["gradients before training"]
            + parts["activations before training"]
            + logits_bytes(shape, training, one)
        )
    return MemoryEstimate({name: size for name, size in parts.items() if size}, moments)


def model_alone(shape: ModelShape, training: Training) -> MemoryEstimate:
    """Return the estimate for a model that is not trained."""
    adapter = FLOAT * shape.adapter(training.rank) if training.tuning == "lora" else 0
    parts = {
        "weights": float(shape.parameters * training.weights_bytes),
        "adapter": float(adapter),
        "process and libraries": PROCESS[training.device],
    }
    return MemoryEstimate(parts, {"all the time": sum(parts.values())})


def activation_bytes(shape: ModelShape, training: Training, one: Pass) -> float:
    """Return what autograd keeps of the blocks for the backward pass of some examples."""
    tokens = one.examples * one.length
    per_token = _block_bytes(shape, training) * shape.layers
    # Attention masks, one a block on a CPU, where torch adds them up in float32.
    masks = one.examples * one.length**2 * FLOAT * (shape.layers if training.device == "cpu" else 1)
    final_norm = tokens * 2 * FLOAT * shape.hidden
    return tokens * per_token + masks + final_norm


def _block_bytes(shape: ModelShape, training: Training) -> float:
    """Return what a decoder block keeps of a token.

    H is the hidden width, Q that of the queries, I that of the MLP. Keys and values count as wide
    as queries: a padded batch has them repeated for every head.
    """
    hidden, queries, inner = shape.hidden, shape.attention, shape.intermediate
    inputs = shape.linear_inputs / shape.layers
    products = 3 if shape.gated else 1  # the activation function's input, and the product's factors
    if training.tuning == "full":
        if not training.autocast:
            # Two norms (input and normalised), the inputs of attention and MLP; queries, keys,
            # values, attention's output; the MLP's products, and the input of its last layer.
            return FLOAT * (6 * hidden + 4 * queries + (products + 1) * inner)
        # Norms in float32. A linear layer keeps a bf16 copy of its input, each its own but where
        # the input is bf16 already: attention's output and the MLP's product.
        return FLOAT * 4 * hidden + BF16 * (inputs + 3 * queries + products * inner)
    # Norms keep their input alone. The base's linear layers keep nothing of theirs; every
    # adapter's does: the mask of the dropout, and what is left of the input.
    mask = MASK if training.device == "cuda" else FLOAT
    if not training.autocast:
        return FLOAT * (2 * hidden + 4 * queries + products * inner) + _adapter_bytes(
            shape, training, inputs, FLOAT, mask
        )
    return (
        FLOAT * 2 * hidden
        + BF16 * (4 * queries + products * inner)
        + _adapter_bytes(shape, training, inputs, BF16, mask)
    )


def _adapter_bytes(
    shape: ModelShape, training: Training, inputs: float, value: int, mask: int
) -> float:
    """Return what a block's adapters keep of a token: their inputs, and the dropout's masks."""
    outputs = value * training.rank * inputs / shape.hidden  # about one output of A for each input
    if training.dropout:
        return inputs * (value + mask) + outputs
    if not training.autocast:  # without dropout adapters keep the layers' own inputs, once each
        return value * (2 * shape.hidden + shape.intermediate) + outputs
    return inputs * value + outputs


def logits_bytes(shape: ModelShape, training: Training, one: Pass) -> float:
    """Return what a loss over scored positions holds: log-probabilities and their gradient.

    Under autocast the head's bf16 output stands beside them.
    """
    copies = 2 * FLOAT + (BF16 if training.autocast else 0)
    states = one.scored * shape.hidden * FLOAT
    return one.scored * shape.vocabulary * copies + states


def _copies(shape: ModelShape, training: Training) -> float:
    """Return what autocast keeps: float32 weights in bfloat16, until the backward pass is over."""
    wide = training.autocast and training.weights_bytes == FLOAT
    return BF16 * shape.multiplied if wide else 0


def _reference(shape: ModelShape, training: Training, trained: int) -> float:
    """Return what the frozen target costs: no second copy of its weights.

    With an adapter a copy of the adapter is kept. With full tuning a copy of the output head, for
    logits, and what the streams ask for, which lies on the CPU.
    """
    asked = [one for term in training.terms for one in term if one.reference]
    if not asked:
        return 0
    quantities = frozenset[str]().union(*(one.reference for one in asked))
    answers = sum(
        FLOAT * one.scored * (shape.vocabulary if "logits" in one.reference else 1)
        + FLOAT * one.examples * one.length * shape.hidden * one.layers
        for one in asked
    )
    if "logits" in quantities:  # the divergence's distributions, some positions at a time
        positions = min(POSITIONS_AT_ONCE, max(one.scored for one in asked))
        answers += DISTRIBUTIONS * FLOAT * positions * shape.vocabulary
    if training.tuning == "lora":
        return answers + FLOAT * trained
    head = FLOAT * shape.embedding if "logits" in quantities else 0
    deep = ("logits" in quantities) + max(one.layers for one in asked)
    kept = FLOAT * training.kept_tokens * shape.hidden * deep if training.device == "cpu" else 0
    return answers + head + kept
