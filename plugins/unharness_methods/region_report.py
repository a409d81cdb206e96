"""What `unharness show` prints of MemFlex's region. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TOP_TENSORS = 5


def summarize_region(region: Mapping[str, Any]) -> dict[str, str]:
    """Return how many tensors a region holds, its thresholds, and its strongest tensors.

    Args:
        region: as `Region.describe` or the localisation at every step wrote it.

    Raises:
        KeyError, TypeError, ValueError: it is neither.
    """
    tensors = region["tensors"]
    if "mean_selected_tensors" in region:
        return {
            "tensors": f"{region['mean_selected_tensors']:.4g} of {len(tensors)} a step, "
            f"none at {region['empty_steps']} of {region['steps']} steps"
        }
    facts = {
        "tensors": f"{region['selected_tensors']} of {len(tensors)}",
        "parameters": f"{region['selected_parameters']:,}",
        "thresholds": f"cosine < {region['mu']:.4g}, magnitude > {region['sigma']:.4g}",
    }
    chosen = [item for item in tensors if item["selected"]]
    chosen.sort(key=lambda item: -item["magnitude"])
    for item in chosen[:TOP_TENSORS]:
        numbers = f"cosine {item['cosine']:.4g}, magnitude {item['magnitude']:.4g}"
        facts[item["name"]] = numbers
    return facts
