"""Small benchmarks in the layout of the real ones, and definitions of them as lm-eval has them."""

import json

import pytest

SIQA = """\
task: social_iqa
dataset_path: lighteval/siqa
dataset_name: null
output_type: multiple_choice
training_split: train
validation_split: validation
doc_to_text: "Q: {{context}} {{question}}\\nA:"
target_delimiter: " "
doc_to_choice: "{{[answerA, answerB, answerC]}}"
doc_to_target: "{{ (label|int) - 1 }}"
metric_list:
  - metric: acc
metadata:
  version: 0.0
"""
SUBJECT = """\
task: mmlu_{subject}
tag: subjects
dataset_path: cais/mmlu
dataset_name: {subject}
test_split: test
fewshot_split: dev
output_type: multiple_choice
doc_to_text: "{{{{question.strip()}}}}\\nAnswer:"
doc_to_choice: ["A", "B", "C", "D"]
doc_to_target: answer
metric_list:
  - metric: acc
"""
MMLU = """\
group: mmlu
task: [subjects]
aggregate_metric_list:
  - metric: acc
    weight_by_size: {by_size}
metadata:
  version: 2
"""
SUBJECTS = {"anatomy": 30, "astronomy": 10, "virology": 2}


def write_lines(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def benchmarks(tmp_path):
    """Benchmarks of a few questions, in the layout of the real ones."""
    root = tmp_path / "data" / "general"
    for subject, size in SUBJECTS.items():
        for split, count in (("dev", 5), ("test", size)):
            rows = [
                {
                    "question": f"{subject} {split} {index}?",
                    "subject": subject,
                    "choices": ["one", "two", "three", "four"],
                    "answer": index % 4,
                }
                for index in range(count)
            ]
            write_lines(root / "mmlu" / split / f"{subject}.jsonl", rows)
    names = ("context", "question", "answerA", "answerB", "answerC")
    rows = [
        {name: f"{name} {index}" for name in names} | {"label": str(index % 3 + 1)}
        for index in range(20)
    ]
    write_lines(root / "siqa" / "validation.jsonl", rows)
    return root


@pytest.fixture
def definitions(tmp_path):
    """Definitions as lm-eval has them, of the hub's data sets, in a folder of their own.

    lm-eval takes half a minute to find its own among 14,000; a slow test does that.
    """
    path = tmp_path / "tasks"
    path.mkdir()
    (path / "siqa.yaml").write_text(SIQA)
    (path / "mmlu.yaml").write_text(MMLU.format(by_size=True))
    for subject in SUBJECTS:
        (path / f"{subject}.yaml").write_text(SUBJECT.format(subject=subject))
    return path
