"""Facts about a registered class, as JSON values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.errors import PydanticInvalidForJsonSchema
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined, to_jsonable_python

from unharness.evaluation.uses import labels_of, uses_of
from unharness.kinds import KINDS
from unharness.registry import Entry, Registry, resolve_path
from unharness.unlearning.needs import needs
from unharness.unlearning.search import MODEL_RANGES, RANGES, Search, declared_search

_TYPES = {
    "number": "float",
    "integer": "int",
    "string": "str",
    "boolean": "bool",
    "null": "none",
    "array": "list",
    "object": "dict",
}
_BOUNDS = {
    "minimum": ">=",
    "exclusiveMinimum": ">",
    "maximum": "<=",
    "exclusiveMaximum": "<",
    "minLength": "length >=",
    "maxLength": "length <=",
    "pattern": "matches",
}


def describe(kind: str, name: str, registry: Registry) -> dict[str, Any]:
    """Return everything a class says of itself.

    Raises:
        UnknownNameError: nothing is registered under the name.
        PluginError: the class cannot be loaded.
    """
    found = registry.get(kind, name)
    with registry.named(kind, name):
        return _facts(registry.entry(kind, name), kind, found, registry)


def _facts(entry: Entry, kind: str, found: Any, registry: Registry) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "name": entry.name,
        "summary": entry.summary,
        "citation": getattr(found, "citation", ""),
        "plugin": entry.plugin.name,
        "distribution": entry.plugin.distribution,
        "distribution_version": entry.plugin.version,
        "module": found.__module__,
        "class": found.__qualname__,
    }
    row = KINDS[kind]
    for attribute in row.attributes:
        facts[attribute] = to_jsonable_python(getattr(found, attribute, None), fallback=repr)
    return facts | (resolve_path(row.facts)(found, registry) if row.facts else {})


def task_facts(task: Any, registry: Registry) -> dict[str, Any]:
    """Return the labels of a task's metrics, and its parameters."""
    return {"metrics": labels_of(uses_of(task, registry)), "options": parameters(task.Config)}


def metric_facts(metric: Any, registry: Registry) -> dict[str, Any]:
    """Return what a metric needs, and its parameters."""
    return {
        "references": sorted(metric.references),
        "observes": _observed(metric),
        "options": parameters(metric.Params),
    }


def attack_facts(attack: Any, registry: Registry) -> dict[str, Any]:
    """Return the roles of the splits that an attack reads, and its settings."""
    return {"reads": sorted(attack.reads), "options": parameters(attack.Config)}


def option_facts(found: Any, registry: Registry) -> dict[str, Any]:
    """Return the options of an engine or an executor."""
    return {"options": parameters(found.Options)}


def method_facts(method: Any, registry: Registry) -> dict[str, Any]:
    """Return a method's needs, evidence, streams, presets, search space and hyperparameters."""
    return {
        "needs": _needs(method),
        "evidence": [f"{kind}: {where}" for kind, where in method.evidence],
        "streams": _streams(method),
        "presets": [
            {"name": preset.name, "task": preset.task, "model": preset.model}
            | {"source": preset.source, "settings": dict(preset.settings)}
            for preset in getattr(method, "presets", ())
        ],
        "tuned": [_tuned(name, search) for name, search in declared_search(method).items()],
        "hyperparameters": hyperparameters(method, registry.names("models")),
    }


def listed_method(method: Any) -> dict[str, Any]:
    """Return what the list of methods shows of one: its family, needs and kinds of evidence."""
    return {
        "family": method.family,
        "needs": _needs(method),
        "evidence": list(dict.fromkeys(kind for kind, _ in method.evidence)),
    }


def _needs(method: Any) -> list[str]:
    """Return what a method needs under its default hyperparameters."""
    try:
        return needs(method(method.Config()))
    except ValidationError:  # a hyperparameter without default
        return []


def _tuned(name: str, search: Search) -> str:
    """Return where tuning looks for a hyperparameter; of a kind, for every model that differs."""
    if not isinstance(search, str):
        return f"{name}: {search}"
    other = [
        f"; {model}: {ranges[search]}" for model, ranges in MODEL_RANGES.items() if search in ranges
    ]
    return f"{name} ({search}): {RANGES[search]}{''.join(other)}"


def _observed(metric: Any) -> list[str]:
    """Return the requests of a metric with its default parameters."""
    return [str(part) for part in metric().observes().parts()]


def _streams(method: Any) -> list[str]:
    """Return what a method reads besides the forget set, under its default hyperparameters."""
    try:
        streams = method(method.Config()).streams()
    except ValidationError:  # a hyperparameter without default
        return []
    return [f"{name}: {stream.describe()}" for name, stream in streams.items()]


def hyperparameters(method: Any, presets: list[str]) -> list[dict[str, Any]]:
    """Return every hyperparameter of a method, in the order of its Config.

    Args:
        method: the class.
        presets: names of models; those that the method itself names are added.
    """
    overrides = {model: method.defaults_for(model) for model in _models(method, presets)}
    return parameters(method.Config, overrides)


def parameters(
    config: type[BaseModel], overrides: Mapping[str, Mapping[str, Any]] | None = None
) -> list[dict[str, Any]]:
    """Return every field of a pydantic model, in its order.

    Args:
        config: the model.
        overrides: by model preset: values that take the place of the defaults.
    """
    schema = _schema(config)
    found = []
    for name, field in config.model_fields.items():
        part = _resolved(schema.get("properties", {}).get(field.alias or name, {}), schema)
        default = _default(field)
        found.append(
            {
                "name": name,
                "type": _type(part, schema) if part else _annotation(field),
                "required": field.is_required(),
                "default": default,
                "defaults": {
                    model: to_jsonable_python(values[name], fallback=repr)
                    for model, values in (overrides or {}).items()
                    if name in values and values[name] != default
                },
                "bounds": _bounds(part, schema),
                "choices": _choices(part, schema),
                "description": field.description or "",
            }
        )
    return found


def _models(method: Any, presets: list[str]) -> list[str]:
    own = [model for parent in method.__mro__ for model in vars(parent).get("defaults", {})]
    return sorted({*presets, *own})


def _schema(config: type[BaseModel]) -> Mapping[str, Any]:
    """Return a Config's JSON schema; an empty one where a type of it has none."""
    try:
        return config.model_json_schema()
    except PydanticInvalidForJsonSchema:
        return {}


def _default(field: FieldInfo) -> Any:
    value = field.get_default(call_default_factory=True, validated_data={})
    return None if value is PydanticUndefined else to_jsonable_python(value, fallback=repr)


def _annotation(field: FieldInfo) -> str:
    return getattr(field.annotation, "__name__", str(field.annotation))


def _resolved(part: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a reference into the schema's definitions."""
    name = str(part.get("$ref", "")).removeprefix("#/$defs/")
    return schema.get("$defs", {}).get(name, part) if name else part


def _branches(part: Mapping[str, Any], schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the alternatives of a type, or the type itself."""
    alternatives = part.get("anyOf") or part.get("oneOf") or [part]
    return [_resolved(item, schema) for item in alternatives]


def _type(part: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    words = []
    for branch in _branches(part, schema):
        kind = str(branch.get("type", "any"))
        word = _TYPES.get(kind, kind)
        if kind == "array" and "items" in branch:
            word = f"list of {_type(_resolved(branch['items'], schema), schema)}"
        words.append(word)
    return " | ".join(dict.fromkeys(words))


def _bounds(part: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{sign} {branch[key]}"
        for branch in _branches(part, schema)
        for key, sign in _BOUNDS.items()
        if key in branch
    )


def _choices(part: Mapping[str, Any], schema: Mapping[str, Any]) -> list[Any]:
    found: list[Any] = []
    for branch in _branches(part, schema):
        found += branch.get("enum", [])
        found += [branch["const"]] if "const" in branch else []
    return found
