"""Names the built-in tasks, and what belongs to them, without importing them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from unharness import Ref, hookimpl
from unharness_tasks.knowundo.prompts import PROMPTS

if TYPE_CHECKING:
    from unharness import LazyGroup

TASKS = Path(__file__).parent


@hookimpl
def unharness_tasks() -> list[Ref]:
    """Return the built-in tasks."""
    return [
        Ref(
            "unharness_tasks.files.task:Files",
            name="files",
            summary="Forget facts of your own, from files of JSON lines, CSV or Parquet.",
        ),
        Ref(
            "unharness_tasks.knowundo.copyright:KnowUnDoCopyright",
            name="knowundo-copyright",
            summary="Forget how to extend or revise 30 books; keep facts, reviews and advice.",
        ),
        Ref(
            "unharness_tasks.knowundo.privacy:KnowUnDoPrivacy",
            name="knowundo-privacy",
            summary="Forget 60 fictitious authors' parents, e-mail and address; keep the rest.",
        ),
        Ref(
            "unharness_tasks.lume.task:Lume",
            name="lume",
            summary="Forget half of the stories, personal data and biographies of LUME; keep the "
            "others.",
        ),
        Ref(
            "unharness_tasks.muse.task:Muse",
            name="muse",
            summary="Forget news articles or books, verbatim and as knowledge; keep others.",
        ),
        Ref(
            "unharness_tasks.rwku.task:Rwku",
            name="rwku",
            summary="Forget real persons, one or several of 200; keep what is close to them. No "
            "gold.",
        ),
        Ref(
            "unharness_tasks.tofu.task:Tofu",
            name="tofu",
            summary="Forget 1, 5 or 10% of 200 fictitious authors; keep the others and real-world "
            "facts.",
        ),
        Ref(
            "unharness_tasks.wmdp.task:Wmdp",
            name="wmdp",
            summary="Forget hazardous biology, chemistry or cybersecurity by WMDP's questions. No "
            "gold.",
        ),
    ]


@hookimpl
def unharness_suites() -> list[Ref]:
    """Return the suites of the tasks' papers."""
    return [
        Ref(
            "unharness_tasks.knowundo.paper_suite:Paper",
            name="paper",
            summary="KnowUnDo's five tasks: MMLU, ARC-Challenge, TruthfulQA, SIQA, RACE; "
            "needs the hub.",
        )
    ]


@hookimpl
def unharness_prompts() -> dict[str, str]:
    """Return the prompts of the tasks' papers."""
    return PROMPTS


@hookimpl
def unharness_commands(cli: LazyGroup) -> None:
    """Add `unharness paper`."""
    cli.add_lazy(
        Ref(
            "unharness_tasks.knowundo.paper_command:paper_command",
            name="paper",
            summary="Print the KnowUnDo paper's tables beside ours.",
        )
    )


@hookimpl
def unharness_published_results() -> dict[str, Path]:
    """Return the results that the tasks' papers printed."""
    return {
        "knowundo-paper": TASKS / "knowundo" / "paper_results.json",
        "open-unlearning": TASKS / "tofu" / "open_unlearning_results.json",
        "muse-paper": TASKS / "muse" / "paper_results.json",
        "open-unlearning-muse": TASKS / "muse" / "open_unlearning_results.json",
        "semeval-2025": TASKS / "lume" / "semeval_results.json",
        "wmdp-paper": TASKS / "wmdp" / "paper_results.json",
    }
