"""Every built-in method names its family, and evidence that exists."""

import re
from pathlib import Path

import pytest

from unharness.cli.describe import listed_method
from unharness.registry import registry
from unharness.unlearning.needs import needs

REPOSITORY = Path(__file__).resolve().parents[2]
NAMES = [entry.name for entry in registry().entries("methods") if entry.plugin.builtin]
REFERENCE_ROWS = {"base", "vanilla", "retrain"}


@pytest.mark.parametrize("name", NAMES)
def test_a_family_and_evidence_that_exists(name):
    method = registry().get("methods", name)
    assert method.family
    assert bool(method.evidence) == (name not in REFERENCE_ROWS)
    for kind, where in method.evidence:
        assert kind in {"oracle", "official-code", "paper"}
        text = (REPOSITORY / where.partition(":")[0]).read_text()
        bases = [parent.__name__ for parent in method.__mro__ if parent.__module__ != "abc"]
        assert any(f"{base}.Config" in text or f"({base}," in text for base in bases[:2]), where


@pytest.mark.parametrize("name", NAMES)
def test_the_list_says_what_the_class_says(name):
    entry = registry().entry("methods", name)
    assert entry.target.listed == listed_method(registry().get("methods", name))


@pytest.mark.parametrize("name", NAMES)
def test_every_method_is_in_the_documentation(name):
    method = registry().get("methods", name)
    row, *_ = [
        line
        for line in (REPOSITORY / "docs" / "methods.md").read_text().splitlines()
        if line.startswith(f"| `{name}` |")
    ]
    for paper in re.findall(r"arXiv (\d{4}\.\d{5})", method.citation):
        assert paper in row
    for kind, where in method.evidence:
        assert f"{kind}: [{Path(where).name}](../{where})" in row


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gradient-ascent", []),
        ("retrain", ["base model"]),
        ("gradient-difference", ["retain set"]),
        ("kl-ood", ["general text", "reference logits (general)"]),
        ("npo", ["retain set", "reference log_probs (forget)"]),
        (
            "dpo-idk",
            [
                "refusal answers",
                "retain set",
                "reference log_probs (forget)",
                "reference log_probs (refusal)",
            ],
        ),
        ("undial", ["reference logits (forget)"]),
        ("memflex", ["retain set", "gradients before training"]),
    ],
)
def test_needs(name, expected):
    method = registry().get("methods", name)
    assert needs(method(method.Config())) == expected
