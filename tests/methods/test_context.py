"""What a method is given: states and their arithmetic, fine-tuning, generation, readable splits."""

import copy

import pytest
import torch

from unharness import (
    DataOrigin,
    Example,
    FineTuneConfig,
    MethodError,
    Split,
    Stream,
    TaskData,
    UnlearnContext,
)
from unharness.data.recipe import LoraSettings
from unharness.models.lora import add_adapter
from unharness.unlearning.context import readable_splits
from unharness_methods.gradient_ascent import GradientAscent

DATA = TaskData.of(
    (
        Split(
            "secret",
            "forget",
            examples=tuple(
                Example(
                    f"s{n}",
                    f"Question {n}?",
                    f"Answer number {n}",
                    alternatives={"perturbed": (f"Wrong {n}",), "paraphrase": (f"Number {n}",)},
                    prompts={"jailbreak": ("Please!",)},
                )
                for n in range(4)
            ),
        ),
        Split("kept", "retain", examples=(Example("k", "Where?", "There it is"),)),
        Split(
            "hidden", "retain", trainable=False, examples=(Example("h", "When?", "Then it was"),)
        ),
    ),
    DataOrigin("path", "here"),
)
RECIPE = FineTuneConfig(epochs=2, lr=1e-2, batch_size=2)


@pytest.fixture
def context(load_checkpoint):
    def make(tuning):
        model, tokenizer = load_checkpoint("llama")
        if tuning == "lora":
            model = add_adapter(model, LoraSettings(dropout=0.0), seed=0)
            for name, value in model.named_parameters():
                if ".lora_B." in name:
                    torch.nn.init.normal_(
                        value, std=0.05, generator=torch.Generator().manual_seed(1)
                    )
        return UnlearnContext(model.eval(), tokenizer, DATA, 3, 64, "cpu")

    return make


def logits(model, tokenizer):
    with torch.no_grad():
        return model(**tokenizer("Question 1? Answer", return_tensors="pt")).logits


@pytest.mark.slow
@pytest.mark.parametrize("tuning", ["full", "lora"])
def test_fine_tuning_from_a_state_leaves_the_model_as_it_was(context, tuning):
    work = context(tuning)
    before = work.state()
    tuned = work.fine_tune(work.state(), DATA.trainable("forget"), RECIPE)
    after = work.state()
    assert before.keys() == after.keys() == tuned.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert any(not torch.equal(before[name], tuned[name]) for name in before)
    assert (work.log.steps, work.log.examples) == (4, 8)
    again = work.fine_tune(work.state(), DATA.trainable("forget"), RECIPE)
    assert all(torch.equal(tuned[name], again[name]) for name in tuned)
    work.load_state(tuned)
    assert all(torch.equal(value, tuned[name]) for name, value in work.state().items())


@pytest.mark.slow
def test_merged_bfloat16_weights_are_trained_in_float32(context):
    # Steps of 1e-5 are less than bfloat16's spacing at most weights: one by one they would be lost.
    work = context("lora")
    work.model.get_base_model().to(torch.bfloat16)
    work.load_state(work.combine_states([(work.state(), 1.0)]))
    before = work.state()
    recipe = RECIPE.model_copy(update={"lr": 1e-5})
    tuned = work.fine_tune(before, DATA.trainable("forget"), recipe)
    for name, value in before.items():
        assert value.dtype == torch.bfloat16
        assert tuned[name].dtype == torch.float32
        if "proj" in name:
            assert (tuned[name] != value.float()).float().mean() > 0.9, name
    work.load_state(tuned)
    assert all(value.dtype == torch.bfloat16 for value in work.state().values())


def test_task_arithmetic_by_hand(context):
    # 1.0 - 0.5 * (1.4 - 1.0) = 0.8
    work = context("full")
    start = {name: torch.full_like(value, 1.0) for name, value in work.state().items()}
    tuned = {name: torch.full_like(value, 1.4) for name, value in start.items()}
    found = work.combine_states([(start, 1 + 0.5), (tuned, -0.5)])
    for name, value in found.items():
        torch.testing.assert_close(value, torch.full_like(start[name], 0.8))


@pytest.mark.slow
def test_adapters_are_combined_by_what_they_do_to_the_weights(context):
    work = context("lora")
    tokenizer = work.tokenizer
    start = work.state()
    tuned = work.fine_tune(start, DATA.trainable("forget"), RECIPE)
    second = copy.deepcopy(work.model)
    one = second.merge_and_unload().state_dict()
    work.load_state(tuned)
    two = copy.deepcopy(work.model).merge_and_unload().state_dict()
    work.load_state(start)
    wanted = {name: one[name] + 0.5 * (one[name] - two[name]) for name in one}
    found = work.combine_states([(start, 1.5), (tuned, -0.5)])
    assert found.keys() == wanted.keys()
    for name, value in found.items():
        torch.testing.assert_close(value, wanted[name], rtol=1e-5, atol=1e-6)
    # Nothing moved by it, and whole weights take the adapter's place when they are loaded.
    assert all(torch.equal(value, start[name]) for name, value in work.state().items())
    same = work.combine_states([(start, 1.0)])
    before = logits(work.model, tokenizer)
    work.load_state(same)
    assert not hasattr(work.model, "peft_config")
    torch.testing.assert_close(logits(work.model, tokenizer), before, rtol=1e-4, atol=1e-5)
    assert all(value.requires_grad for value in work.model.parameters())
    with pytest.raises(MethodError, match="the model has no adapter now"):
        work.load_state(start)


def test_states_that_do_not_fit_are_refused(context):
    work = context("full")
    state = work.state()
    name = next(iter(state))
    with pytest.raises(MethodError, match="does not fit the model"):
        work.load_state({key: value for key, value in state.items() if key != name})
    with pytest.raises(MethodError, match=f"{name} is"):
        work.load_state(state | {name: state[name][:1]})
    with pytest.raises(MethodError, match="no states to combine"):
        work.combine_states([])
    with pytest.raises(MethodError, match="nothing here can train from the base model"):
        work.fine_tune("base", DATA.trainable("forget"), RECIPE)


def test_generation_is_greedy_and_leaves_the_model_s_mode(context):
    work = context("full")
    work.model.train()
    texts = work.generate(["Question 1?", "Where?"], max_new_tokens=5)
    assert len(texts) == 2
    assert texts == work.generate(["Question 1?", "Where?"], max_new_tokens=5)
    assert work.model.training


def test_chance_has_a_seed_for_every_purpose(context):
    work, other = context("full"), context("full")
    assert work.rng("a").random() == other.rng("a").random() != work.rng("b").random()
    one, two = (torch.rand(3, generator=c.torch_generator("a")) for c in (work, other))
    assert torch.equal(one, two)
    assert set(work.derived_seeds) == {"a", "b"}


def test_a_method_reads_trainable_splits_and_the_texts_that_it_declares():
    class Reads(GradientAscent):
        def streams(self):
            return {"wrong": Stream("forget", answer="perturbed")}

    found = readable_splits(DATA, Reads(Reads.Config()))
    assert set(found.splits) == {"secret", "kept"}
    for example in found.splits["secret"].examples:
        assert set(example.alternatives) == {"perturbed"}
        assert example.prompts == {}

    class More(GradientAscent):
        alternatives = frozenset({"paraphrase"})
        reads_all_splits = True

    found = readable_splits(DATA, More(More.Config()))
    assert set(found.splits) == {"secret", "kept", "hidden"}
    assert set(found.splits["secret"].examples[0].alternatives) == {"paraphrase"}


def test_without_a_recipe_of_the_target_one_must_be_given(context):
    work = context("full")
    work.target_recipe = None
    with pytest.raises(MethodError, match="fine_tune.. needs a recipe"):
        work.fine_tune(work.state(), DATA.trainable("forget"))
    assert work.fine_tune(work.state(), DATA.trainable("forget"), RECIPE)
