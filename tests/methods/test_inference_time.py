"""In-context refusal and guardrails: what is asked, what is answered, what a record says."""

import pytest

from unharness import UsageError
from unharness.checked import checked
from unharness.pipeline.method_choice import method_facts
from unharness.unlearning.stream_check import require_streams
from unharness_methods.guardrail import Guardrail, GuardrailWrapper
from unharness_methods.in_context import InContext, ShotsWrapper


def test_pairs_stand_before_the_question():
    wrapper = ShotsWrapper(shots=(("Who is A?", "No comment."), ("Where is B?", "Here")))
    assert wrapper.prompt("Who?") == "Who is A?\n\nNo comment.\n\nWhere is B?\n\nHere\n\nWho?"
    assert wrapper.respond("Who?", "Me") == "Me"


def test_pairs_are_drawn_of_both_sets(context):
    work = context("full")
    left = InContext(InContext.Config(refused=2, answered=9)).unlearn(work)
    pairs = dict(left.wrapper.shots)
    refused = {question: answer for question, answer in pairs.items() if "Question" in question}
    assert len(refused) == 2
    assert all(answer.startswith("No comment") for answer in refused.values())
    assert len(pairs) == 2 + 3  # all that the retain set has
    again = InContext(InContext.Config(refused=2, answered=9)).unlearn(context("full"))
    assert again.wrapper == left.wrapper
    assert "retain" not in InContext(InContext.Config(answered=0)).streams()


def test_what_the_pairs_are_drawn_of_is_part_of_a_run_s_identity(context):
    data = context("full").splits
    made = InContext(InContext.Config())
    require_streams(made, data, "my-task")
    facts = method_facts(made, 0, data, general=False)
    assert {"secret", "kept"} <= set(facts["streams"])


def guardrail(**values):
    return Guardrail(Guardrail.Config(**values)).unlearn(None).wrapper


def test_an_instruction_before_every_question():
    wrapper = guardrail(topic="Jane Doe", refusal="No.")
    asked = wrapper.prompt("Who is she?")
    assert asked.startswith("You must not reveal anything about Jane Doe. ")
    assert "reply only: No. " in asked
    assert asked.endswith("\n\nWho is she?")
    assert wrapper.respond("Who is she?", "Jane Doe") == "Jane Doe"


@pytest.mark.parametrize(
    ("filters", "question", "answer", "refused"),
    [
        ("question", "Where is rome?", "In Italy", True),
        ("question", "Where is it?", "In Rome", False),
        ("answer", "Where is it?", "In Rome.", True),
        ("answer", "Where is Rome?", "In Italy", False),
        ("both", "Where is it?", "In Romelia", False),
        ("both", "Is Rome old?", "Yes", True),
    ],
)
def test_filters_refuse_what_mentions_a_word(filters, question, answer, refused):
    wrapper = guardrail(words=("Rome",), filters=filters, refusal="No.")
    assert isinstance(wrapper, GuardrailWrapper)
    assert wrapper.respond(question, answer) == ("No." if refused else answer)
    asked = wrapper.prompt(question)
    blocked = refused and filters != "answer"
    assert ("nothing else: No." in asked) == blocked


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"filters": "answer"}, "filters needs words"),
        ({"instruction": " "}, "would do nothing"),
        ({"filters": "all"}, "Input should be 'none', 'question', 'answer' or 'both'"),
    ],
)
def test_bad_input(values, message):
    with pytest.raises(UsageError, match=message):
        checked("method 'guardrail'", Guardrail.Config, values)
