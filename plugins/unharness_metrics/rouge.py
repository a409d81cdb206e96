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
    formula = (
        "100 · mean over examples of ROUGE-L F1 between the answer and the greedy text; with L the"
        " longest common subsequence of words: F1 of L / words of the answer and L / words of the "
        "text"
    )
    good = (
        "On a forget set as near to the retrained model's value as can be; on a retain set near "
        "the target's."
    )
    traps = (
        (
            "A model that refuses has a low value and may know all that it knew: read "
            "token_accuracy and refusal_share beside it."
        ),
        (
            "Words of ASCII letters and digits alone are seen: an answer in another script has "
            'none. rouge_l_text with script="unicode" sees all.'
        ),
        (
            "Questions of one form have answers of one form: models that never saw the fact get "
            "part of the words right."
        ),
    )

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
    formula = (
        "100 · mean over examples of ROUGE-L F1 between the answer and the text of the likeliest "
        "token at each of its places"
    )
    good = (
        "On a forget set as near to the retrained model's value as can be; on a retain set near "
        "the target's."
    )
    traps = (
        (
            "It is not of a text that the model would write: the tokens before are the true ones. "
            "rouge_l is."
        ),
        "It is here for KnowUnDo's tables; token_accuracy says the same with less noise.",
    )

    def observes(self) -> Likelihood:
        """Ask for the own answer."""
        return Likelihood()

    def compute(self, seen: Seen, references: Mapping[str, Sequence[Seen]]) -> Score:
        """Compare the texts as the tokenizer decodes them."""
        return seen.mean(per_answer(seen, lambda row: rouge_l_f1(row.answer_text, row.argmax_text)))
