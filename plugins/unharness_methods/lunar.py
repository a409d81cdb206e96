"""LUNAR: one matrix is solved for, so that questions to forget feel unanswerable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from unharness import (
    Choice,
    Example,
    FloatRange,
    Method,
    MethodError,
    Search,
    Split,
    Stream,
    UnlearnContext,
    decoder_blocks,
    hidden_states,
)
from unharness_methods.block_choice import MLP_OUTPUTS, block_in
from unharness_methods.unanswerable import QUESTIONS

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PretrainedConfig

    from unharness import TokenBatch

BATCH_SIZE = 32


def ridge_solution(gram: Tensor, moment: Tensor, ridge: float) -> Tensor:
    """Return (XᵀX + ridge · I)⁻¹ · XᵀY.

    Args:
        gram: XᵀX, (D, D) float64.
        moment: XᵀY, (D, K) float64.
        ridge: above 0.
    """
    import torch

    regular = gram + ridge * torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    found: Tensor = torch.linalg.solve(regular, moment)
    return found


class LUNAR(Method):
    """W' = W + ΔW, with ΔW · x ≈ coefficient · r on forget questions and ≈ 0 on retain questions.

    W is the output matrix of one block's MLP, x its inputs at the questions' tokens, and r the mean
    difference between the block's outputs at the last token of unanswerable questions and of the
    forget set's. ΔW is the solution of least squares with a ridge on the change, so that directions
    of which there are no data stay; the paper trains W by gradient steps to the same targets. An
    adapter is merged first; whole weights are left.
    """

    name = "lunar"
    summary = "Redirects forget questions to the states of unanswerable ones, in one matrix."
    citation = "Shen et al. 2025, arXiv 2502.07218"
    family = "weight edit"
    evidence = (("oracle", "tests/methods/test_lunar.py"),)
    # Chosen on a validation part: results/published/tuning
    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "tiny": {"depth": 0.69, "coefficient": 1.6}
    }
    seeded = False

    class Config(Method.Config):
        """The block, and how far is redirected."""

        layer: int | None = Field(
            None, ge=0, description="decoder block, from 0; none: depth says which"
        )
        depth: float = Field(
            0.69,
            ge=0,
            le=1,
            description="share of the blocks after which the block lies (22 of 32), without layer",
        )
        coefficient: float = Field(2.0, gt=0, description="multiple of the difference r")
        ridge: float = Field(1e-3, gt=0, description="weight of the change in least squares")
        tokens: Literal["all", "last"] = Field(
            "all", description="tokens of the questions that are redirected and kept"
        )

        search: ClassVar[Mapping[str, Search]] = {
            "depth": Choice((0.4, 0.55, 0.69, 0.85)),
            "coefficient": FloatRange(0.5, 4),
        }

    def streams(self) -> Mapping[str, Stream]:
        """Return the forget set, all questions, and the retain set, whose questions are to stay."""
        return {"forget": Stream("forget", needs_question=True), "retain": Stream("retain")}

    def check_model(self, config: PretrainedConfig) -> None:
        """Refuse a model without the block that is named."""
        block_in(config, self.config.layer, self.config.depth)

    def unlearn(self, context: UnlearnContext) -> None:
        """Solve for the matrix.

        Raises:
            MethodError: a set has no questions, or the model no such block or matrix.
        """
        import torch

        config: LUNAR.Config = self.config
        layer = block_in(context.model.config, config.layer, config.depth)
        context.load_state(context.combine_states([(context.state(), 1.0)]))
        context.model.eval()
        module = mlp_output(decoder_blocks(context.model)[layer], layer)
        with torch.no_grad():
            redirection = _direction(context, layer)
            forget = self._inputs(context, "forget", module, layer)
            retain = self._inputs(context, "retain", module, layer)
            gram = forget.gram + retain.gram
            share = ridge_solution(gram, forget.total[:, None], config.ridge)[:, 0]
            change = torch.outer(config.coefficient * redirection.double(), share)
            weight = module.weight
            weight.copy_((weight.double() + change.to(weight.device)).to(weight.dtype))
        context.report |= {
            "block": layer,
            "length_of_r": float(redirection.norm()),
            # 1 where every forget token is redirected in full, 0 where none is.
            "redirected_forget": float(forget.total @ share) / forget.count,
            "redirected_retain": float(retain.total @ share) / retain.count,
        }

    def _inputs(
        self, context: UnlearnContext, role: Literal["forget", "retain"], module: Any, layer: int
    ) -> Inputs:
        batches = _questions(context, context.trainable(role))
        return inputs_of(context, module, layer, batches, last=self.config.tokens == "last")


class Inputs:
    """What a matrix is given: sums over tokens, in float64."""

    def __init__(self, width: int, device: Any) -> None:
        import torch

        self.gram = torch.zeros(width, width, dtype=torch.float64, device=device)
        """Sum of x · xᵀ."""
        self.total = torch.zeros(width, dtype=torch.float64, device=device)
        """Sum of x."""
        self.count = 0

    def add(self, rows: Tensor) -> None:
        """Add tokens, (N, D)."""
        rows = rows.double()
        self.gram += rows.T @ rows
        self.total += rows.sum(dim=0)
        self.count += len(rows)


def inputs_of(
    context: UnlearnContext,
    module: nn.Linear,
    layer: int,
    batches: Iterator[TokenBatch],
    *,
    last: bool,
) -> Inputs:
    """Return what a block's matrix is given at the tokens of some texts, or at their last."""
    found = Inputs(module.in_features, module.weight.device)
    for batch in batches:
        with _recorded(module) as seen:
            hidden_states(context.model, batch, layer)
        mask = _last_token(batch) if last else batch.attention_mask.bool()
        found.add(seen[0][mask])
    return found


def mlp_output(block: nn.Module, layer: int) -> nn.Linear:
    """Return the last linear module of a block's MLP.

    Raises:
        MethodError: there is none under a name that is known.
    """
    from torch import nn

    for name, module in block.named_modules():
        known = name.rpartition(".")[2] in MLP_OUTPUTS and "attn" not in name
        if known and isinstance(module, nn.Linear):
            return module
    raise MethodError(f"block {layer} has no linear MLP output called {', '.join(MLP_OUTPUTS)}")


def _direction(context: UnlearnContext, layer: int) -> Tensor:
    """Return the mean state of unanswerable questions minus that of the forget set's, (H,)."""
    rows = tuple(Example(f"u{n}", text, "") for n, text in enumerate(QUESTIONS))
    unanswerable = Split("unanswerable", "general", examples=rows)
    away = _mean_last_state(context, layer, [unanswerable])
    return away - _mean_last_state(context, layer, context.trainable("forget"))


def _mean_last_state(context: UnlearnContext, layer: int, splits: Sequence[Split]) -> Tensor:
    import torch

    states = [
        hidden_states(context.model, batch, layer)[_last_token(batch)].float()
        for batch in _questions(context, splits)
    ]
    return torch.cat(states).mean(dim=0)


def _questions(context: UnlearnContext, splits: Sequence[Split]) -> Iterator[TokenBatch]:
    """Return batches of the questions, up to where an answer would begin."""
    asked = [
        split.with_examples(replace(row, answer="") for row in split.examples if row.prompt)
        for split in splits
    ]
    rows = [row for found in context.encode_each(asked) for row in found]
    if not rows:
        names = ", ".join(split.name for split in splits)
        raise MethodError(f"{names}: no questions; lunar needs some: choose a task that asks")
    return context.batches(rows, BATCH_SIZE)


def _last_token(batch: TokenBatch) -> Tensor:
    """Return where each row's last token is, (B, T) bool."""
    import torch

    ends = batch.attention_mask.sum(dim=1) - 1
    places = torch.arange(batch.attention_mask.shape[1], device=ends.device)
    return places[None] == ends[:, None]


@contextmanager
def _recorded(module: nn.Module) -> Iterator[list[Tensor]]:
    """Record what a module is given, (B, T, D) a pass."""
    seen: list[Tensor] = []
    handle = module.register_forward_pre_hook(lambda _, given: seen.append(given[0].detach()))
    try:
        yield seen
    finally:
        handle.remove()
