"""ROUGE-L: the longest common subsequence of words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from unharness import Generated, Likelihood, Metric, Score, Seen, rouge_l_f1
from unharness_metrics.teacher_forced import per_answer


class RougeL(Metric):
    """Mean ROUGE-L F1 of the generated text against the answer."""

    name = "rouge_l"
    summary = "ROUGE-L F1 of generated answers."
    citation = "Lin 2004, ROUGE"
    unit = "%"
    direction = "higher"

    def observes(self) -> Generated:
        """Ask for one greedy text."""
        return Generated()

    def compute(self, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        """Compare each text with the example's answer."""
        pairs = zip(seen.examples, seen.texts(), strict=True)
        return seen.mean([rouge_l_f1(example.answer, text) for example, text in pairs])


class RougeLForced(Metric):
    """Mean ROUGE-L F1 of the most likely tokens under teacher forcing against the true ones."""

    name = "rouge_l_forced"
    summary = "ROUGE-L F1 of the most likely tokens under teacher forcing."
    citation = "KnowUnDo, arXiv 2407.01920, section 3 (the paper's ROUGE-L)"
    unit = "%"
    direction = "higher"

    def observes(self) -> Likelihood:
        """Ask for the own answer."""
        return Likelihood()

    def compute(self, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        """Compare the texts as the tokenizer decodes them."""
        return seen.mean(per_answer(seen, lambda row: rouge_l_f1(row.answer_text, row.argmax_text)))
