"""The plan of the target's own row, which every unlearned model is compared with."""

from __future__ import annotations

from dataclasses import replace

from unharness.pipeline.method_choice import make_method, method_facts
from unharness.pipeline.run_plan import RunPlan
from unharness.reference_rows import method_of
from unharness.registry import Registry


def with_target_row(plan: RunPlan, registry: Registry) -> RunPlan:
    """Return a plan that holds the plan of its target's own row.

    Raises:
        PluginError: no plugin says which method makes that row.
    """
    name = method_of("target", registry)
    method = make_method(registry.get("methods", name), plan.base.name, {})
    request = plan.request.model_copy(
        update={"method": name, "set": {}, "epochs": None, "lr": None, "batch_size": None}
        | {"save_weights": False, "force": False, "preset": None, "tuned": None}
        | {"tuning": plan.spec.target_tuning, "checkpoints": None}
    )
    # How the target is tuned further says nothing about the target itself.
    facts = method_facts(method, plan.spec.seed, plan.data, general=False)
    facts |= {"tuning": plan.spec.target_tuning, "save_weights": False}
    facts |= {"preset": None, "tuned": None}
    if plan.spec.target_tuning == "full":
        facts["lora"] = None
        request = request.model_copy(update={"lora": {}})
    given = plan.given and replace(plan.given, fresh=None)
    if given:  # what a retrained model starts from says nothing about it either
        facts |= {"base_hash": plan.base.fingerprint(plan.data), "target_recipe": {}}
        facts |= {"model_revision": plan.base.revision}
        request = request.model_copy(update={"target_set": {}})
    row = replace(
        plan,
        request=request,
        spec=plan.spec.changed(**facts),
        method=method,
        general=None,
        data_with_general=plan.data,
        given=given,
        target_row=None,
    )
    return replace(plan, target_row=row)
