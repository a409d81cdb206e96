"""Discovery: whatever a plugin does wrong costs only itself, and says so."""

import json
import subprocess
import sys
import types
from collections.abc import Callable, Iterable
from importlib import metadata
from typing import Any

import pytest

from unharness import LossMethod, Method, MetricUse, Ref, hookimpl
from unharness.data.prompts import find_prompt
from unharness.errors import PluginError, UnknownNameError
from unharness.evaluation.uses import labels_of
from unharness.kinds import KINDS
from unharness.registry import PluginInfo, Registry, load_registry

HEAVY = (
    "torch",
    "transformers",
    "vllm",
    "lm_eval",
    "datasets",
    "pandas",
    "matplotlib",
    "numpy",
)


class Distribution(metadata.Distribution):
    """An installed distribution that exists only in memory."""

    def __init__(self, name: str, version: str = "1.0") -> None:
        self._metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"

    def read_text(self, filename: str) -> str | None:
        return self._metadata if filename == "METADATA" else None

    def locate_file(self, path: Any) -> Any:
        return path


class Nameless(Distribution):
    """What a broken installation leaves: entry points and no metadata."""

    def __init__(self) -> None:
        self._metadata = ""


@pytest.fixture
def entry_point(monkeypatch: pytest.MonkeyPatch) -> Callable[..., metadata.EntryPoint]:
    """entry_point(name, distribution, **members): an entry point to a module with those members."""
    count = 0

    def make(
        name: str, distribution: str | metadata.Distribution = "third-party", **members: Any
    ) -> metadata.EntryPoint:
        nonlocal count
        count += 1
        module = types.ModuleType(f"unharness_test_plugin_{count}")
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, module.__name__, module)
        return _point(name, module.__name__, distribution)

    return make


def _point(name: str, value: str, distribution: str | metadata.Distribution) -> metadata.EntryPoint:
    point = metadata.EntryPoint(name, value, "unharness")
    owner = Distribution(distribution) if isinstance(distribution, str) else distribution
    vars(point).update(dist=owner)
    return point


def _builtins() -> list[metadata.EntryPoint]:
    return [
        point
        for point in metadata.entry_points(group="unharness")
        if point.dist is not None and point.dist.name == "unharness"
    ]


def _method(name: str, summary: str = "Made in a test.", base: type = LossMethod) -> type:
    members = {"name": name, "summary": summary, "loss": lambda self, model, batch: None}
    return type(name.title().replace("-", ""), (base,), members)


def _methods(*items: Any) -> Callable[[], Iterable[Any]]:
    @hookimpl
    def unharness_methods() -> Iterable[Any]:
        return list(items)

    return unharness_methods


def _info(registry: Registry, name: str) -> PluginInfo:
    (found,) = [plugin for plugin in registry.plugins if plugin.name == name]
    return found


OWN = ("attacks", "core", "methods", "metrics", "tasks")


def test_the_builtins_are_all_there_and_whole():
    registry = load_registry(_builtins())
    assert [plugin.name for plugin in registry.plugins] == list(OWN)
    assert all(plugin.errors == [] for plugin in registry.plugins)
    assert registry.names("methods") == [
        "adaptive-rmu",
        "adversarial",
        "altpo",
        "base",
        "ce-u",
        "circuit-breaker",
        "descent-only",
        "dpo-idk",
        "flat",
        "gradient-ascent",
        "gradient-difference",
        "gradient-difference-ood",
        "gru",
        "guardrail",
        "idk",
        "idk-ap",
        "ihl",
        "in-context",
        "jensun",
        "kl",
        "kl-ood",
        "llmu",
        "lunar",
        "max-entropy",
        "memflex",
        "npo",
        "npo-sam",
        "pdu",
        "random-labels",
        "relearn",
        "retrain",
        "rmu",
        "satimp",
        "simnpo",
        "sure",
        "task-vector",
        "tnpo",
        "undial",
        "vanilla",
        "wga",
        "wtnpo",
    ]
    assert registry.names("attacks") == ["prompt", "quantize", "relearn"]
    assert registry.names("tasks") == [
        "files",
        "knowundo-copyright",
        "knowundo-privacy",
        "lume",
        "muse",
        "rwku",
        "tofu",
        "wmdp",
    ]
    assert registry.names("engines") == ["hf", "vllm"]
    assert registry.names("models") == ["micro", "smollm2-135m", "tiny"]
    assert registry.names("executors") == ["in-process", "local", "ray"]
    assert registry.names("metrics") == [
        "answer_nats",
        "attack_auc",
        "attack_balance",
        "attack_tpr",
        "auc_retrained",
        "choice_accuracy",
        "divergence",
        "exact_match",
        "exact_memorisation",
        "extraction_strength",
        "fluency_nats",
        "fluency_probability",
        "forget_quality",
        "forget_quality_d",
        "keyword_match",
        "knowmem",
        "leak_at_k",
        "leak_bound",
        "leak_spread",
        "linguistic_score",
        "logged_share",
        "logit_lens",
        "looping",
        "membership_auc",
        "ngram_entropy",
        "option_probability",
        "paraphrase_probability",
        "perplexity",
        "privleak",
        "probability",
        "refusal_share",
        "repetition",
        "rouge_l",
        "rouge_l_forced",
        "rouge_l_sets",
        "rouge_l_text",
        "s_mia",
        "token_accuracy",
        "truth_ratio",
        "verbmem",
    ]
    assert registry.names("observers") == [
        "choices",
        "generation",
        "gradient_norm",
        "likelihood",
        "logged",
        "logit_lens",
        "paired",
        "text_likelihood",
    ]
    assert registry.names("logs") == ["open-unlearning", "tofu", "unharness"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_ref_equals_its_class(kind: str):
    registry = load_registry(_builtins())
    for entry in registry.entries(kind):
        found = registry.get(kind, entry.name)
        assert (found.name, found.summary) == (entry.name, entry.summary)


def test_every_metric_that_a_builtin_task_names_exists():
    registry = load_registry(_builtins())
    for name in registry.names("tasks"):
        task = registry.get("tasks", name)
        used = {use.metric for use in task.metrics if isinstance(use, MetricUse)}
        assert used <= set(registry.names("metrics"))
        assert task.headline in labels_of(task.metrics)


def test_a_third_party_method_is_found_with_its_distribution(entry_point: Any):
    mine = _method("mine")
    registry = load_registry([entry_point("p", "My_Dist", unharness_methods=_methods(mine))])
    assert registry.get("methods", "mine") is mine
    info = registry.entry("methods", "mine").plugin
    assert (info.distribution, info.version, info.builtin) == ("My_Dist", "1.0", False)
    assert info.provides == {"methods": ["mine"]}
    assert info.hooks == ["unharness_methods"]


def test_a_third_party_prompt_is_found(entry_point: Any):
    hook = _prompts({"brief": "Be brief."})
    registry = load_registry([*_builtins(), entry_point("p", unharness_prompts=hook)])
    assert find_prompt("brief", registry).text == "Be brief."
    assert _info(registry, "p").provides == {"prompts": ["brief"]}


class Metaclass(type):
    def __repr__(cls) -> str:
        return "<a strange thing>"


@hookimpl
def unharness_methods_that_raise() -> Any:
    raise RuntimeError("no luck\ntoday")


def _generator() -> Any:
    @hookimpl
    def unharness_methods() -> Any:
        yield _method("half")
        raise ValueError("broke off")

    return unharness_methods


@hookimpl
def _with_an_unknown_argument(model: Any) -> Any:
    return []


@hookimpl
def _returns_none() -> Any:
    return None


def _prompts(given: Any) -> Any:
    @hookimpl
    def unharness_prompts() -> Any:
        return given

    return unharness_prompts


def _task_metrics(given: Any) -> Any:
    @hookimpl
    def unharness_task_metrics() -> Any:
        return given

    return unharness_task_metrics


def _reference_rows(given: Any) -> Any:
    @hookimpl
    def unharness_reference_rows() -> Any:
        return given

    return unharness_reference_rows


class Abstract(Method):
    name = "abstract"
    summary = "Has no unlearn."


class Unnamed(LossMethod):
    summary = "Has no name."

    def loss(self, model: Any, batch: Any) -> Any:
        return None


BAD: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "raises": ({"unharness_methods": unharness_methods_that_raise}, ("RuntimeError", "no luck")),
    "breaks off": ({"unharness_methods": _generator()}, ("ValueError", "broke off")),
    "misspelt": ({"unharness_method": _methods(_method("x"))}, ("unharness_method",)),
    "wrong argument": ({"unharness_methods": _with_an_unknown_argument}, ("model",)),
    "no marker": ({"unharness_methods": lambda: []}, ("hookimpl",)),
    "not iterable": ({"unharness_methods": _returns_none}, ("TypeError", "not iterable")),
    "no class": ({"unharness_methods": _methods("word")}, ("'word'", "unharness.Method")),
    "no method": ({"unharness_methods": _methods(dict)}, ("dict", "unharness.Method")),
    "an instance": ({"unharness_methods": _methods(Unnamed(None))}, ("unharness.Method",)),
    "strange": ({"unharness_methods": _methods(Metaclass("M", (), {}))}, ("<a strange thing>",)),
    "abstract": ({"unharness_methods": _methods(Abstract)}, ("Abstract", "unlearn")),
    "unnamed": ({"unharness_methods": _methods(Unnamed)}, ("Unnamed", "no name")),
    "no summary": ({"unharness_methods": _methods(_method("mute", ""))}, ("no summary",)),
    "bad name": ({"unharness_methods": _methods(_method("../up"))}, ("'../up'", "not allowed")),
    "capital": ({"unharness_methods": _methods(_method("Upper"))}, ("'Upper'", "not allowed")),
    "no mapping": ({"unharness_prompts": _prompts(["x"])}, ("unharness_prompts", "items")),
    "no text": ({"unharness_prompts": _prompts({"x": 3})}, ("'x' is 3", "str")),
    "no words": ({"unharness_prompts": _prompts({"x": ""})}, ("'x' is ''",)),
    "bad key": (
        {"unharness_prompts": _prompts({"../up": "Do."})},
        ("'../up'", "not allowed"),
    ),
    "taken": ({"unharness_prompts": _prompts({"privacy-sensitive": "x"})}, ("already",)),
    "no such row": (
        {"unharness_reference_rows": _reference_rows({"gold": "retrain"})},
        ("'gold'", "base, target, retrained"),
    ),
    "no columns": ({"unharness_task_metrics": _task_metrics({"t": 3})}, ("not iterable",)),
    "no column": ({"unharness_task_metrics": _task_metrics({"t": ["x"]})}, ("no MetricUse", "'x'")),
    "no task": ({"unharness_task_metrics": _task_metrics({"../up": []})}, ("'../up'",)),
    "row taken": (
        {"unharness_reference_rows": _reference_rows({"target": "mine"})},
        ("'target'", "already"),
    ),
    "number": ({"unharness_methods": _methods(Ref("a:B", 3, "s"))}, ("3", "not allowed")),  # type: ignore[arg-type]
}


def test_columns_of_unknown_tasks_and_columns_that_stand_twice_are_noted(entry_point: Any):
    use = MetricUse("rouge_l", "forget")
    hooks = {
        name: _task_metrics(given)
        for name, given in {
            "a": {"tofu": [use]},
            "b": {"tofu": [use]},
            "c": {"nowhere": [use]},
        }.items()
    }
    points = [entry_point(name, name, unharness_task_metrics=hook) for name, hook in hooks.items()]
    registry = load_registry([*_builtins(), *points])
    assert registry.task_metrics("tofu") == (use,)
    errors = {name: _info(registry, name).errors for name in hooks}
    assert errors == {
        "a": [],
        "b": ["unharness_task_metrics(): 'rouge_l_forget' of 'tofu' is already registered by 'a'"],
        "c": ["unharness_task_metrics(): no task is named 'nowhere'"],
    }


@pytest.mark.parametrize("case", BAD)
def test_a_bad_plugin_costs_only_itself(case: str, entry_point: Any):
    members, words = BAD[case]
    registry = load_registry(
        [
            *_builtins(),
            entry_point("bad", "a-bad-one", **members),
            entry_point("good", "z-good-one", unharness_methods=_methods(_method("good"))),
        ]
    )
    bad = _info(registry, "bad")
    assert bad.provides == {}
    assert len(bad.errors) == 1
    for word in words:
        assert word in bad.errors[0]
    assert "\n" not in bad.errors[0]
    assert [p.name for p in registry.plugins if p.errors] == ["bad"]
    assert {"good", "memflex"} <= set(registry.names("methods"))


def test_one_bad_item_leaves_its_plugins_others(entry_point: Any):
    hook = _methods(_method("first"), "word", Abstract, _method("last"))
    registry = load_registry([entry_point("p", unharness_methods=hook)])
    assert registry.names("methods") == ["first", "last"]
    assert len(_info(registry, "p").errors) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import no_such_module_anywhere", ("ModuleNotFoundError", "no_such_module_anywhere")),
        ("def (", ("SyntaxError",)),
        ("raise SystemExit('leaving')", ("SystemExit", "leaving")),
    ],
)
def test_a_plugin_that_fails_to_import_costs_only_itself(
    text: str, words: tuple[str, ...], tmp_path: Any, monkeypatch: Any
):
    (tmp_path / "unharness_broken_plugin.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "unharness_broken_plugin", raising=False)
    broken = _point("broken", "unharness_broken_plugin", "broken-dist")
    registry = load_registry([*_builtins(), broken])
    (error,) = _info(registry, "broken").errors
    for word in words:
        assert word in error
    assert "memflex" in registry.names("methods")


def test_the_builtin_wins_a_name_that_is_taken(entry_point: Any):
    hook = _methods(_method("memflex"), _method("other"))
    # The distribution sorts before "unharness": it is not the alphabet that decides.
    registry = load_registry([entry_point("a", "aaa", unharness_methods=hook), *_builtins()])
    assert registry.entry("methods", "memflex").plugin.distribution == "unharness"
    (error,) = _info(registry, "a").errors
    assert "'memflex' is already registered by 'methods' (unharness " in error
    assert "other" in registry.names("methods")


@pytest.mark.parametrize("turned", [False, True])
def test_third_parties_go_by_distribution(turned: bool, entry_point: Any):
    first, second = _method("same"), _method("same")
    points = [
        entry_point("z", "Alpha.Dist", unharness_methods=_methods(first)),
        entry_point("a", "beta-dist", unharness_methods=_methods(second)),
    ]
    registry = load_registry(points[::-1] if turned else points)
    assert registry.get("methods", "same") is first
    assert [plugin.distribution for plugin in registry.plugins] == ["Alpha.Dist", "beta-dist"]


def test_two_distributions_may_use_one_entry_point_name(entry_point: Any):
    seen: list[str] = []

    def both(name: str) -> dict[str, Any]:
        @hookimpl
        def unharness_run_started(spec: Any) -> None:
            seen.append(name)

        return {
            "unharness_methods": _methods(_method(name)),
            "unharness_run_started": unharness_run_started,
        }

    points = [entry_point("plugin", "a", **both("one")), entry_point("plugin", "b", **both("two"))]
    registry = load_registry(points)
    assert [plugin.errors for plugin in registry.plugins] == [[], []]
    assert registry.names("methods") == ["one", "two"]
    assert registry.notify("unharness_run_started", spec=None) == []
    assert sorted(seen) == ["one", "two"]


def test_a_failing_namesake_does_not_silence_the_first(entry_point: Any):
    seen: list[int] = []

    @hookimpl
    def unharness_step(step: int) -> None:
        seen.append(step)

    good = entry_point("plugin", "a", unharness_step=unharness_step)
    bad = entry_point("plugin", "b", unharness_stepp=unharness_step)
    registry = load_registry([good, bad])
    assert [bool(plugin.errors) for plugin in registry.plugins] == [False, True]
    registry.notify("unharness_step", run_id="r", step=3, values={})
    assert seen == [3]


def test_one_module_behind_two_entry_points_is_refused_once(entry_point: Any):
    point = entry_point("one", unharness_methods=_methods(_method("mine")))
    again = _point("two", point.value, "third-party")
    registry = load_registry([point, again])
    assert registry.names("methods") == ["mine"]
    assert _info(registry, "one").errors == []
    assert len(_info(registry, "two").errors) == 1


def test_a_broken_installation_without_metadata_costs_only_its_name(entry_point: Any):
    point = entry_point("p", Nameless(), unharness_methods=_methods(_method("mine")))
    registry = load_registry([point, *_builtins()])
    assert _info(registry, "p").distribution == "unknown"
    assert "memflex" in registry.names("methods")


def test_asking_for_what_failed_says_who_and_why(entry_point: Any):
    registry = load_registry(
        [
            *_builtins(),
            entry_point("broken", "their-dist", unharness_methods=_methods(Abstract)),
        ]
    )
    with pytest.raises(UnknownNameError) as caught:
        registry.get("methods", "abstract")
    message = str(caught.value)
    for part in (
        "unknown method 'abstract'",
        "'broken'",
        "their-dist 1.0",
        "not implement unlearn",
    ):
        assert part in message
    assert caught.value.exit_code == 2


def test_asking_names_the_second_failure_of_a_plugin_too(entry_point: Any):
    hook = _methods(_method("mute", ""), Abstract)
    registry = load_registry([entry_point("broken", "their-dist", unharness_methods=hook)])
    with pytest.raises(UnknownNameError, match="Abstract does not implement unlearn"):
        registry.get("methods", "abstract")


def test_asking_tells_the_meant_plugin_from_other_failures(entry_point: Any):
    registry = load_registry(
        [
            entry_point("mine", "dist-a", unharness_method=_methods()),
            entry_point("theirs", "dist-b", unharness_taskss=_methods()),
        ]
    )
    with pytest.raises(UnknownNameError) as caught:
        registry.get("methods", "mine")
    assert "dist-a" in str(caught.value)
    assert "dist-b" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "wrong", "right"),
    [
        ("methods", "memflx", "memflex"),
        ("methods", "gradient_ascent", "gradient-ascent"),
        ("tasks", "knowundo-privcy", "knowundo-privacy"),
        ("metrics", "token_acuracy", "token_accuracy"),
    ],
)
def test_unknown_names_get_the_nearest(kind: str, wrong: str, right: str):
    with pytest.raises(UnknownNameError, match=f"Did you mean .*{right}"):
        load_registry(_builtins()).get(kind, wrong)


def test_a_name_like_nothing_gets_the_list():
    with pytest.raises(UnknownNameError, match=r"Known: adaptive-rmu, .*vanilla, .*\."):
        load_registry(_builtins()).get("methods", "qqq")
    with pytest.raises(UnknownNameError, match="None are registered"):
        load_registry([]).get("methods", "memflex")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("no_such_module_at_all:X", "ModuleNotFoundError"),
        ("json:no_such_class", "AttributeError"),
        ("json:JSONDecoder", "no subclass of unharness.Method"),
        ("unharness_methods.vanilla:Vanilla", "'vanilla'"),
    ],
)
def test_a_ref_that_leads_nowhere_or_astray(path: str, words: str, entry_point: Any):
    hook = _methods(Ref(path, "mine", "A summary."))
    registry = load_registry([entry_point("p", "their-dist", unharness_methods=hook)])
    assert registry.names("methods") == ["mine"]  # a listing resolves nothing
    with pytest.raises(PluginError) as caught:
        registry.get("methods", "mine")
    assert words in str(caught.value)
    assert "their-dist 1.0" in str(caught.value)


@pytest.mark.parametrize(
    ("allow", "expected"),
    [
        (None, ["one", "two"]),
        ("", []),
        (" , ", []),
        ("Dist_One", ["one"]),
        ("dist.two, dist-one", ["one", "two"]),
        ("unharness", []),
    ],
)
def test_allow_limits_the_distributions(
    allow: str | None, expected: list[str], entry_point: Any, monkeypatch: pytest.MonkeyPatch
):
    if allow is not None:
        monkeypatch.setenv("UNHARNESS_PLUGINS_ALLOW", allow)
    points = [
        *_builtins(),
        entry_point("one", "dist-one", unharness_methods=_methods(_method("one"))),
        entry_point("two", "Dist_Two", unharness_methods=_methods(_method("two"))),
    ]
    registry = load_registry(points)
    loaded = [name for name in ("one", "two") if name in registry.names("methods")]
    assert loaded == expected
    assert "memflex" in registry.names("methods")


def test_what_is_not_allowed_is_not_even_imported(tmp_path: Any, monkeypatch: Any):
    (tmp_path / "unharness_forbidden_plugin.py").write_text("raise SystemError('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("UNHARNESS_PLUGINS_ALLOW", "")
    registry = load_registry([_point("p", "unharness_forbidden_plugin", "their-dist")])
    assert registry.plugins == []


def test_the_order_is_that_of_names_not_of_discovery(entry_point: Any):
    points = [
        entry_point(name, distribution, unharness_methods=_methods(_method(f"m{index}")))
        for index, (name, distribution) in enumerate(
            [("b", "beta"), ("a", "beta"), ("c", "Alpha"), ("d", "al-pha")]
        )
    ]
    orders = []
    for turn in range(len(points)):
        registry = load_registry([*points[turn:], *_builtins(), *points[:turn]])
        orders.append([(plugin.distribution, plugin.name) for plugin in registry.plugins])
    own = [("unharness", name) for name in OWN]
    assert orders == [[*own, ("al-pha", "d"), ("Alpha", "c"), ("beta", "a"), ("beta", "b")]] * len(
        points
    )


def test_event_hooks_are_isolated_and_may_take_fewer_arguments(entry_point: Any):
    heard: list[Any] = []

    @hookimpl
    def unharness_step(values: dict[str, float], step: int) -> None:
        heard.append((step, values))

    @hookimpl
    def failing(run_id: str) -> None:
        raise RuntimeError(f"down at {run_id}")

    @hookimpl
    def nothing() -> None:
        heard.append("nothing")

    registry = load_registry(
        [
            entry_point("a", unharness_step=unharness_step),
            entry_point("b", unharness_step=failing),
            entry_point("c", unharness_step=nothing),
        ]
    )
    problems = registry.notify("unharness_step", run_id="r1", step=7, values={"loss": 1.0})
    assert len(problems) == 1
    assert "'third-party:b'" in problems[0]
    assert "RuntimeError: down at r1" in problems[0]
    assert (7, {"loss": 1.0}) in heard
    assert "nothing" in heard


def test_a_class_may_be_a_plugin_by_its_instance(entry_point: Any):
    class Plugin:
        heard: list[int] = []

        @hookimpl
        def unharness_methods(self) -> list[Any]:
            return [mine]

        @hookimpl
        def unharness_step(self, step: int) -> None:
            self.heard.append(step)

    mine = _method("mine")
    point = entry_point("p", plugin=Plugin())
    registry = load_registry([_point("p", f"{point.value}:plugin", "dist")])
    assert registry.get("methods", "mine") is mine
    assert registry.notify("unharness_step", run_id="r", step=2, values={}) == []
    assert Plugin.heard == [2]


LISTING = """
import unharness, unharness.cli.main
from unharness.kinds import KINDS
from unharness.registry import load_registry
registry = load_registry()
for kind in KINDS:
    registry.entries(kind)
"""
AUTHORING = """
from unharness import Engine, LossMethod, Method, Metric, Task, hookimpl
from unharness import sequence_nll, token_log_probs

class Descend(LossMethod):
    name = "descend"
    summary = "s"
    class Config(LossMethod.Config):
        strength: float = 1.0
    def loss(self, model, batch):
        return -self.config.strength * sequence_nll(model, batch["forget"]).mean()

Descend.Config(strength=2.0)
"""


@pytest.mark.parametrize(
    "code",
    ["import unharness.cli.main", "import unharness", LISTING, AUTHORING],
    ids=["cli", "package", "listing", "authoring"],
)
def test_nothing_heavy_is_imported(code: str):
    probe = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert loaded & set(HEAVY) == set()


def test_every_public_name_is_there():
    import unharness

    for name in unharness.__all__:
        assert getattr(unharness, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        unharness.nothing  # noqa: B018


@pytest.mark.parametrize(
    ("arguments", "spared"),
    [
        (["--help"], ("pydantic", "numpy", "rich", "importlib.metadata")),
        (["methods"], ("pydantic", "numpy", "importlib.metadata")),
        (["methods", "--format", "json"], ("pydantic", "numpy", "rich", "importlib.metadata")),
    ],
    ids=" ".join,
)
def test_help_and_lists_import_little(arguments: list[str], spared: tuple[str, ...]):
    code = "import sys\nfrom unharness.cli.main import main\ntry:\n    main(sys.argv[1:])\nfinally:"
    code += "\n    print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout
    assert set(done.stderr.split()) & set(spared) == set()
