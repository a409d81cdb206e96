"""What a task lacks is said before anything is trained, with what the user can do."""

import pytest

from unharness import DataOrigin, Example, Split, Stream, TaskData, UsageError
from unharness.checked import checked
from unharness.pipeline.resolve import resolve
from unharness.registry import registry
from unharness.request import make_request
from unharness.unlearning.stream_check import require_streams
from unharness_methods.altpo import AltPO
from unharness_methods.dpo_idk import DPOIDK
from unharness_methods.gru import GRU
from unharness_methods.idk import IDK
from unharness_methods.jensun import JensUn
from unharness_methods.llmu import LLMU
from unharness_methods.lunar import LUNAR
from unharness_methods.npo import NPO
from unharness_methods.npo_sam import NPOSAM
from unharness_methods.relearn import ReLearn
from unharness_methods.simnpo import SimNPO
from unharness_methods.sure import SURE
from unharness_methods.token_weights import WGA
from unharness_tasks.knowundo.privacy import KnowUnDoPrivacy


def data(*splits):
    return TaskData.of(splits, DataOrigin("path", "here"))


FORGET = Split(
    "secret",
    "forget",
    examples=(Example("s", "Who?", "Somebody", alternatives={"paraphrase": ("Some person",)}),),
)
RETAIN = Split("kept", "retain", examples=(Example("k", "Where?", "Here"),))
HIDDEN = Split("hidden", "retain", trainable=False, examples=(Example("h", "When?", "Then"),))
BOOK = Split("book", "forget", kind="text", examples=(Example("t", "", "Once upon a time"),))


class Reads(NPO):
    """A method that reads a given stream."""

    name = "reads"

    def streams(self):
        return {"extra": self.extra}


def problem(method, *splits):
    with pytest.raises(UsageError) as caught:
        require_streams(method, data(*splits), "my-task")
    return str(caught.value)


def reading(**stream):
    made = Reads(Reads.Config())
    made.extra = Stream("forget", **stream)
    return made


@pytest.mark.parametrize("splits", [(FORGET,), (FORGET, HIDDEN)])
def test_a_retain_set_that_there_is_not(splits):
    assert problem(NPO(NPO.Config()), *splits) == (
        "method 'npo' needs a retain set, and my-task has none that a method may read; leave the "
        "term out: --set retain_loss=none"
    )
    require_streams(NPO(NPO.Config(retain_loss="none")), data(*splits), "my-task")


def test_alternatives_that_there_are_not():
    assert problem(reading(answer="perturbed"), FORGET) == (
        "method 'reads' needs answers of kind 'perturbed', and example 's' of my-task's split "
        "secret has none (kinds there: paraphrase); choose a task whose examples bring them as "
        "alternatives"
    )
    assert "questions of kind 'jailbreak'" in problem(reading(prompt="jailbreak"), FORGET)
    require_streams(reading(answer="paraphrase"), data(FORGET), "my-task")


@pytest.mark.parametrize(
    ("method", "values"),
    [
        (AltPO, {}),
        (JensUn, {}),
        (LLMU, {"normal": "retain"}),
        (LUNAR, {}),
        (ReLearn, {}),
    ],
)
def test_what_a_method_answers_itself_must_answer_a_question(method, values):
    made = method(method.Config(**values))
    require_streams(made, data(FORGET, RETAIN), "my-task")
    assert "needs questions, and example 't' of my-task's split book is text without" in (
        problem(made, BOOK, RETAIN)
    )


@pytest.mark.parametrize(
    ("method", "base", "advice"),
    [
        (SURE, "npo", "leave the term out: --set base=npo:retain_loss=none"),
        (NPOSAM, "npo:beta=0.2", "leave the term out: --set base=npo:beta=0.2,retain_loss=none"),
        (NPOSAM, "rmu", "leave the term out: --set base=rmu:retain_weight=0"),
        (GRU, "npo", "choose another task or method"),  # it needs the term
    ],
)
def test_a_wrapper_s_advice_can_be_followed(method, base, advice):
    made = method(method.Config(base=base))
    assert problem(made, FORGET).endswith(advice)
    if "base=" in advice:
        followed = method(method.Config(base=advice.partition("base=")[2]))
        require_streams(followed, data(FORGET), "my-task")


@pytest.mark.parametrize("method", [IDK, DPOIDK])
def test_refusals_are_bundled_but_must_answer_a_question(method):
    made = method(method.Config())
    require_streams(made, data(FORGET, RETAIN), "my-task")
    assert "needs questions to refuse, and example 't' of my-task's split book is text" in (
        problem(made, BOOK, RETAIN)
    )


def test_it_is_said_before_a_run(monkeypatch, checkpoint):
    load = KnowUnDoPrivacy.load

    def without_retain(self, source):
        splits = load(self, source).splits.values()
        return data(*(split for split in splits if split.role != "retain"))

    monkeypatch.setattr(KnowUnDoPrivacy, "load", without_retain)
    given = {"model": str(checkpoint("llama")), "data": "standin", "suite": "none"}
    given |= {"device": "cpu", "task": "knowundo-privacy", "method": "npo"}
    with pytest.raises(UsageError, match="needs a retain set, and knowundo-privacy has none"):
        resolve(make_request(given), registry())


@pytest.mark.parametrize(
    ("method", "values", "message"),
    [
        (NPO, {"beta": 0}, "beta=0: Input should be greater than 0"),
        (SimNPO, {"beta": -1}, "beta=-1: Input should be greater than 0"),
        (WGA, {"beta": 0}, "beta=0: Input should be greater than 0"),
        (NPO, {"forget_weight": 0}, "forget_weight=0: Input should be greater than 0"),
        (NPO, {"retain_weight": -1}, "retain_weight=-1: Input should be greater than or equal"),
        (
            NPO,
            {"retain_loss": "l2"},
            "retain_loss='l2': Input should be 'nll', 'kl', 'jsd' or 'none'",
        ),
    ],
)
def test_weights_and_temperatures_out_of_bounds(method, values, message):
    with pytest.raises(UsageError, match=message):
        checked(f"method {method.name!r}", method.Config, values)
