"""`unharness compare` on the records that come with the project."""

import re
import shutil
from pathlib import Path

PUBLISHED = Path(__file__).resolve().parents[2] / "results" / "published"


def test_published_records_are_paired_by_question_from_a_clone(call):
    words = ("compare", "kl", "memflex", "--results", PUBLISHED)
    code, _, errors = call(*words)
    assert code == 2
    assert "several rows match; give run ids, --task or --model" in errors
    code, output, errors = call(*words, "--task", "knowundo-privacy", "--model", "tiny")
    assert (code, errors) == (0, "")
    assert "5 pairs of runs" in output
    unpaired = output.partition("not paired by question")[2].partition("Closeness:")[0]
    # Tests and areas are no means over questions; lm-eval's answers are not beside the records.
    assert set(re.findall(r"[a-z]+_[a-z_]+", unpaired)) == {
        "forget_quality",
        "forget_quality_d",
        "unlearn_auc_loss",
        "unlearn_auc_zlib",
        "unlearn_auc_min_k",
        "unlearn_auc_min_k_pp",
        "retention_auc_loss",
        "general_avg",
    }


def test_records_without_their_examples_are_compared_by_their_intervals(call, tmp_path):
    for method in ("kl", "memflex"):
        for path in PUBLISHED.glob(f"knowundo-privacy/tiny/{method}/*/run.json"):
            place = tmp_path / path.relative_to(PUBLISHED)
            place.parent.mkdir(parents=True)
            shutil.copy(path, place)
    code, output, errors = call("compare", "kl", "memflex", "--results", tmp_path)
    assert (code, errors) == (0, "")
    assert "5 pairs of runs" in output
    assert "not paired by question" in output
