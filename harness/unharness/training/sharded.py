"""Training a model in parts, one in each process: torch's FSDP2.

The whole model stays on the CPU while its parts are trained, weights, gradients and optimizer
state alike; then it is put together again. So what must fit on a device is a part of the training
state, and for evaluation the weights alone.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from unharness.training import ranks

if TYPE_CHECKING:
    from unharness.model_types import LanguageModel

OFFLOAD = "FSDP_OFFLOAD_PARAMS"
"""What accelerate's configuration sets to keep the parts on the CPU between uses."""


def gather_full_tensor(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor that is perhaps spread over the processes, whole in all of them.

    A method that reads gradients while it trains must ask for them so.
    """
    full = getattr(tensor, "full_tensor", None)
    found: torch.Tensor = full() if full else tensor
    return found


def is_spread(tensor: torch.Tensor) -> bool:
    """Whether a tensor is spread over the processes."""
    return hasattr(tensor, "full_tensor")


def forget_gathered(model: nn.Module) -> None:
    """Drop the whole parameters that FSDP gathered: the next pass gathers them anew.

    It keeps some from one forward pass to the next, those outside of the layers, and would not see
    that their parts have changed.
    """
    from torch.distributed.fsdp import FSDPModule

    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.reshard()


@contextmanager
def fsdp_sharded(model: LanguageModel, device: torch.device) -> Iterator[LanguageModel]:
    """Yield a copy of the model whose parameters are spread over the processes.

    When the block is left without an exception, what was trained is in the model itself.

    Args:
        model: the whole model, equal in all processes.
        device: of this process's part.
    """
    home = next(model.parameters()).device
    model.to("cpu")
    parts = copy.deepcopy(model)
    _shard(parts, device)
    yield parts
    trained = dict(parts.named_parameters())
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                parameter.copy_(gather_full_tensor(trained[name]).cpu())
    del parts, trained
    model.to(home)


def _shard(model: nn.Module, device: torch.device) -> None:
    """Spread the parameters, layer by layer, so that one layer at a time is whole."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import CPUOffloadPolicy, fully_shard

    mesh = init_device_mesh(device.type, (ranks.world_size(),))
    options: dict[str, Any] = {"mesh": mesh}
    if os.environ.get(OFFLOAD, "").lower() == "true":
        options["offload_policy"] = CPUOffloadPolicy()
    for layer in _layers(model):
        fully_shard(layer, **options)
    fully_shard(model, **options)


def _layers(model: nn.Module) -> list[nn.Module]:
    """Return the transformer's layers: the members of its longest list of modules."""
    lists = [list(module) for module in model.modules() if isinstance(module, nn.ModuleList)]
    return max(lists, key=len, default=[])


def keep_unwrapped(accelerator: Any) -> None:
    """Keep accelerate from wrapping a model that is spread already; autocast it still gets."""
    from accelerate.utils import convert_outputs_to_fp32

    def prepared(model: LanguageModel, *_: Any, **__: Any) -> LanguageModel:
        if accelerator.native_amp:
            forward = model.forward

            def under_autocast(*args: Any, **kwargs: Any) -> Any:
                with accelerator.autocast():
                    return forward(*args, **kwargs)

            vars(model)["forward"] = convert_outputs_to_fp32(under_autocast)
        return model

    accelerator.prepare_model = prepared
