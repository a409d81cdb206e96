"""`--attack` and `--prompt`: read, checked, combined."""

import pytest

from unharness.data.sources import DataSource
from unharness.errors import UsageError
from unharness.pipeline.attack_chains import attack_chains
from unharness.registry import registry
from unharness.request import make_request


@pytest.fixture(scope="module")
def data():
    task = registry().get("tasks", "knowundo-privacy")()
    return task.load(DataSource("standin"))


@pytest.fixture
def chains(data):
    def call(**values):
        request = make_request(values)
        return attack_chains(request.attack, request.prompt, data, registry())

    return call


def test_nothing_asked_is_no_attack(chains):
    [chain] = chains()
    assert (chain.name, chain.attacks, chain.uses) == ("none", (), ())


def test_every_attack_is_asked_under_every_prompt(chains):
    found = chains(prompt=("none", "assistant"), attack=("none", "prompt:text=Hi"))
    names = ["none", "assistant", "prompt:text=Hi", "prompt:text=Hi + assistant"]
    assert [chain.name for chain in found] == names
    assert [len(chain.uses) for chain in found] == [0, 1, 1, 2]


def test_a_prompt_is_an_attack_with_a_name(chains):
    [named], [spelled] = chains(prompt="assistant"), chains(attack="none")
    assert spelled.uses == ()
    text = named.uses[0].config["text"]
    [same] = chains(attack=f"prompt:text='{text}'")
    assert same.uses == named.uses  # the name identifies nothing


def test_one_chain_is_made_once(chains):
    assert len(chains(attack=("none", "none", "prompt:text=a", "prompt:text='a'"))) == 2


@pytest.mark.parametrize(
    ("text", "value"),
    [("a, b", "a, b"), ("1e+5 times", "1e+5 times"), ("'x=y'", "x=y"), ("a: b", None)],
)
def test_values_are_read_as_yaml(chains, text, value):
    if value is None:
        with pytest.raises(UsageError):
            chains(attack=f"prompt:text={text}")
    else:
        [chain] = chains(attack=f"prompt:text={text}")
        assert chain.uses[0].config["text"] == value


@pytest.mark.parametrize(
    ("attack", "words"),
    [
        ("promt", "unknown attack 'promt'.*Did you mean prompt"),
        ("prompt", "text.*Field required"),
        ("prompt:text", "expected NAME:SETTING=VALUE"),
        ("prompt:=x", "expected NAME:SETTING=VALUE"),
        ("prompt:txt=x", "has no option 'txt'.*text"),
        ("prompt:text=", "text"),
        ("prompt:text=[1", "is not YAML that can be used"),
        ("none + prompt:text=a", "unknown attack 'none'"),
        (" + ", "unknown attack ''"),
        ("", "is empty"),
    ],
)
def test_what_is_no_attack_is_refused(chains, attack, words):
    with pytest.raises(UsageError, match=words):
        chains(attack=attack)
