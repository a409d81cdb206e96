"""MemFlex's localisation against autograd, one example at a time in float64."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch

from unharness import DataOrigin, Example, MethodError, Split, TaskData, TokenBatch, UnlearnContext
from unharness.data.recipe import LoraSettings
from unharness.models.lora import add_adapter
from unharness_methods.localisation import (
    Region,
    TensorScore,
    choose_region,
    refuse_empty,
    refuse_fresh_adapter,
    replace_answers,
    replace_half,
    score_tensors,
    shuffled,
)
from unharness_methods.memflex import MemFlex

SPLITS = {
    "forget_train": ("Who is her mother?", "Who is his father, then?", "Where?"),
    "forget_eval": ("What is her address?",),
    "retain_train": ("What did she write?", "Which prize?"),
    "retain_eval": ("Which genre?",),
}
DATA = TaskData.of(
    (
        Split(
            name,
            "forget" if name.startswith("forget") else "retain",
            trainable=name.endswith("train"),
            evaluated=name.endswith("eval"),
            examples=tuple(
                Example(str(n), text, f"{name} answer, the {n}th of all")
                for n, text in enumerate(rows)
            ),
        )
        for name, rows in SPLITS.items()
    ),
    DataOrigin("path", "here"),
)
FORGET, RETAIN = DATA.trainable("forget"), DATA.trainable("retain")


def _job(model: Any, tokenizer: Any, **changes: Any) -> UnlearnContext:
    fields = {"seed": 3, "max_length": 256, "device": "cpu"}
    return UnlearnContext(model, tokenizer, DATA, **fields | changes)


@pytest.fixture
def loaded(load_checkpoint: Callable[..., Any]) -> Any:
    return load_checkpoint("llama")


OPTIONS = {"draws": 2, "replaced": 1.0, "batch_size": 8}


def _expected_gradient(
    context: UnlearnContext, splits: list[Split], share: float, generator: torch.Generator
) -> dict[str, torch.Tensor]:
    """Draw the random answers as localisation does, then take gradients one example at a time."""
    exact = copy.deepcopy(context.model).double()
    rows = sorted(context.encode(splits), key=lambda row: -len(row.input_ids))
    width = max(len(row.input_ids) for row in rows)
    vocabulary = len(context.tokenizer)
    for _ in range(OPTIONS["draws"]):  # type: ignore[call-overload]
        drawn = torch.randint(vocabulary, (len(rows), width), generator=generator)
        kept = torch.zeros(len(rows), width, dtype=torch.bool)
        if share < 1:
            kept = torch.rand((len(rows), width), generator=generator) >= share
        for index, row in enumerate(rows):
            ids = torch.tensor(row.input_ids)
            for place in range(row.answer_start, len(ids)):
                if not kept[index, place]:
                    ids[place] = drawn[index, place]
            log_probs = exact(input_ids=ids[None]).logits[0, :-1].log_softmax(-1)
            picked = log_probs.gather(1, ids[1:, None])[:, 0]
            (-picked[row.answer_start - 1 :].mean()).backward()
    count = len(rows) * OPTIONS["draws"]
    return {name: value.grad / count for name, value in exact.named_parameters()}


@pytest.mark.parametrize("share", [1.0, 0.5])
@pytest.mark.parametrize("halves", [["train"], ["train", "eval"]])
def test_cosines_and_magnitudes(halves: list[str], share: float, loaded: Any):
    context = _job(*loaded)
    forget = [DATA.splits[f"forget_{half}"] for half in halves]
    retain = [DATA.splits[f"retain_{half}"] for half in halves]
    generator = context.torch_generator("localisation")
    left = _expected_gradient(context, forget, share, generator)
    right = _expected_gradient(context, retain, share, generator)
    scores = score_tensors(context, forget, retain, **OPTIONS | {"replaced": share})
    assert [score.name for score in scores] == [
        name for name, _ in context.model.named_parameters()
    ]
    for score in scores:
        one, two = left[score.name].flatten(), right[score.name].flatten()
        cosine = (one * two).sum() / (one.square().sum() * two.square().sum()).sqrt()
        assert score.cosine == pytest.approx(cosine.item(), abs=1e-4)
        assert score.magnitude == pytest.approx(one.abs().mean().item(), rel=1e-4)
        assert score.parameters == one.numel()


def test_it_is_repeatable_and_leaves_the_model_as_it_was(loaded: Any):
    model, _ = loaded
    before = {name: value.clone() for name, value in model.state_dict().items()}
    one = score_tensors(_job(*loaded), FORGET, RETAIN, **OPTIONS)
    torch.manual_seed(99)
    assert score_tensors(_job(*loaded), FORGET, RETAIN, **OPTIONS) == one
    other = score_tensors(_job(*loaded, seed=4), FORGET, RETAIN, **OPTIONS)
    assert other != one
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(value.grad is None for value in model.parameters())


def test_dropout_is_off_and_only_what_may_move_is_scored(loaded: Any):
    model, tokenizer = loaded
    adapted = _trained_adapter(model, dropout=0.9)
    adapted.train()
    one = score_tensors(_job(adapted, tokenizer), FORGET, RETAIN, **OPTIONS)
    assert not adapted.training
    two = score_tensors(_job(adapted, tokenizer), FORGET, RETAIN, **OPTIONS)
    assert one == two
    assert all(".lora_A." in score.name or ".lora_B." in score.name for score in one)
    # Two layers of seven linear layers, an A and a B each.
    assert len(one) == 2 * 7 * 2


def _trained_adapter(model: Any, dropout: float = 0.0) -> Any:
    adapted = add_adapter(model, LoraSettings(dropout=dropout), seed=1)
    with torch.no_grad():
        for name, value in adapted.named_parameters():
            if ".lora_B." in name:
                value.normal_(std=0.02, generator=torch.Generator().manual_seed(len(name)))
    return adapted


def test_a_fresh_adapter_is_refused_and_a_trained_one_is_not(loaded: Any):
    model, tokenizer = loaded
    refuse_fresh_adapter(model)  # without an adapter there is nothing to refuse
    fresh = add_adapter(model, LoraSettings(), seed=1)
    with pytest.raises(MethodError, match="fresh LoRA adapter"):
        refuse_fresh_adapter(fresh)
    method = MemFlex(MemFlex.Config())
    with pytest.raises(MethodError, match="fresh LoRA adapter"):
        method.prepare(_job(fresh, tokenizer))
    # One B that is not 0 is enough.
    value = next(v for n, v in fresh.named_parameters() if ".lora_B." in n)
    with torch.no_grad():
        value[0, 0] = 1e-6
    refuse_fresh_adapter(fresh)


def test_memflex_selects_the_region_and_reports_it(loaded: Any):
    model, tokenizer = loaded
    context = _job(_trained_adapter(model), tokenizer)
    method = MemFlex(MemFlex.Config(mu="q0.5", sigma="q0", draws=1))
    method.prepare(context)
    selected = method.select_parameters(context)
    region = context.report["region"]
    chosen = [tensor["name"] for tensor in region["tensors"] if tensor["selected"]]
    assert sorted(selected) == sorted(chosen)
    assert len(region["tensors"]) == 28
    # Below the median cosine lie 14 of 28; the smallest magnitude of all is not above itself.
    assert len(chosen) in (13, 14)
    assert region["selected_tensors"] == len(chosen)
    parameters = dict(context.model.named_parameters())
    assert region["selected_parameters"] == sum(parameters[name].numel() for name in chosen)


def test_the_evaluation_halves_are_left_alone_by_default(loaded: Any):
    model, tokenizer = loaded
    reports = []
    for halves in ("train", "train+eval"):
        context = _job(copy.deepcopy(model), tokenizer)
        asked: list[str] = []
        encode = context.encode
        context.encode = lambda splits, encode=encode, asked=asked: (  # type: ignore[method-assign]
            asked.extend(split.name for split in splits) or encode(splits)
        )
        MemFlex(MemFlex.Config(draws=1, localise_on=halves)).prepare(context)  # type: ignore[arg-type]
        reports.append(asked)
    assert reports == [
        ["forget_train", "retain_train"],
        ["forget_train", "forget_eval", "retain_train", "retain_eval"],
    ]


def _scores(*pairs: tuple[float, float]) -> list[TensorScore]:
    return [TensorScore(f"t{n}", cosine, size, 10 + n) for n, (cosine, size) in enumerate(pairs)]


SCORES = _scores((-0.5, 1.0), (0.0, 2.0), (0.5, 3.0), (0.9, 4.0), (1.0, 5.0))


def test_thresholds_are_strict():
    assert choose_region(SCORES, 0.5, 1.0).names == ("t1",)  # neither t2's 0.5 nor t0's 1.0
    assert choose_region(SCORES, 0.5000001, 0.9999999).names == ("t0", "t1", "t2")
    assert choose_region(SCORES, 1.0, 0.0).names == ("t0", "t1", "t2", "t3")


def test_thresholds_may_be_quantiles():
    # The median cosine is 0.5; a quarter of the way up the magnitudes lies 2.0.
    region = choose_region(SCORES, "q0.5", "q0.25")
    assert (region.mu, region.sigma) == (0.5, 2.0)
    assert region.names == ()
    # Between two values a quantile goes linearly: 0.9 of the way, 0.6 beyond t3's 0.9.
    region = choose_region(SCORES, "q0.9", "q0")
    assert region.mu == pytest.approx(0.9 + 0.6 * 0.1)
    assert region.names == ("t1", "t2", "t3")
    assert choose_region(SCORES, "q1", 0.0).names == ("t0", "t1", "t2", "t3")


def test_a_region_is_described():
    described = choose_region(SCORES, 0.6, 1.5).describe()
    assert (described["mu"], described["sigma"]) == (0.6, 1.5)
    assert described["selected_tensors"] == 2
    assert described["selected_parameters"] == 11 + 12
    assert [tensor["selected"] for tensor in described["tensors"]] == [
        False,
        True,
        True,
        False,
        False,
    ]
    assert described["tensors"][1] == {
        "name": "t1",
        "cosine": 0.0,
        "magnitude": 2.0,
        "parameters": 11,
        "selected": True,
    }


def test_an_empty_region_is_refused_with_the_numbers_there_are():
    refuse_empty(choose_region(SCORES, 0.5, 1.0))
    with pytest.raises(MethodError) as caught:
        refuse_empty(Region(-0.9, 6e-3, tuple(SCORES)))
    message = str(caught.value)
    for part in (
        "none of 5 tensors has cosine < -0.9 and magnitude > 0.006",
        "Cosines: -0.5 to 1, median 0.5",
        "magnitudes: 1 to 5, median 3",
        "mu=1 sigma=0 would select 4",
    ):
        assert part in message


IDS = torch.arange(1, 41).reshape(4, 10)
LABELS = IDS.clone()
LABELS[:, :3] = -100
LABELS[1, 8:] = -100
MASK = (LABELS != -100).long()
MASK[:, :3] = 1
BATCH = TokenBatch(IDS, MASK, LABELS)


def _replaced(share: float, seed: int = 0, vocabulary: int = 5) -> TokenBatch:
    return replace_answers(BATCH, vocabulary, share, torch.Generator().manual_seed(seed))


def test_only_answers_are_replaced_in_input_and_label_alike():
    made = _replaced(1.0)
    answer = LABELS != -100
    assert torch.equal(made.input_ids[~answer], IDS[~answer])
    assert torch.equal(made.labels[~answer], LABELS[~answer])
    assert torch.equal(made.input_ids[answer], made.labels[answer])
    assert set(made.labels[answer].tolist()) <= set(range(5))
    assert torch.equal(made.attention_mask, MASK)
    assert IDS[0, 9] == LABELS[0, 9] == 10  # the batch itself is as it was


def test_replacements_follow_the_generator():
    assert torch.equal(_replaced(0.5, 1).labels, _replaced(0.5, 1).labels)
    assert not torch.equal(_replaced(0.5, 1).labels, _replaced(0.5, 2).labels)


def test_the_share_and_the_vocabulary_are_kept_to():
    rows, answer = 500, LABELS != -100
    wide = TokenBatch(*(t.repeat(rows, 1) for t in (IDS + 1000, MASK, LABELS)))
    made = replace_answers(wide, 7, 0.3, torch.Generator().manual_seed(0))
    changed = made.input_ids < 1000
    # 26 answer tokens, 500 times over, replaced with probability 0.3: standard error 0.4%.
    assert int(answer.sum()) == 26
    assert changed.sum().item() / (26 * rows) == pytest.approx(0.3, abs=0.016)
    counts = torch.bincount(made.input_ids[changed], minlength=7)
    assert len(counts) == 7
    assert counts.min() > 0.8 * counts.float().mean()


def test_the_released_code_replaces_half_as_many_drawn_with_replacement():
    length = 400
    ids = torch.arange(length)[None].repeat(3, 1) + 1000
    labels = ids.clone()
    labels[:, :100] = -100
    labels[1, 301:] = -100  # 201 tokens, 100 draws
    labels[2] = -100  # nothing to replace
    wide = TokenBatch(ids, torch.ones_like(ids), labels)
    made = replace_half(wide, 1000, torch.Generator().manual_seed(0))
    changed = made.input_ids != ids
    assert torch.equal(
        made.labels[labels != -100] != labels[labels != -100], changed[labels != -100]
    )
    assert not changed[labels == -100].any()
    assert made.labels[labels == -100].eq(-100).all()
    # n / 2 draws out of n leave e^(-1/2) of the tokens: 39.3% are replaced.
    assert 0.34 < changed[0].sum().item() / 300 < 0.45
    assert 0.33 < changed[1].sum().item() / 201 < 0.46
    again = replace_half(wide, 1000, torch.Generator().manual_seed(0))
    assert torch.equal(again.input_ids, made.input_ids)
    one = TokenBatch(ids[:1, :2], torch.ones(1, 2, dtype=torch.long), torch.tensor([[-100, 5]]))
    assert torch.equal(replace_half(one, 9, torch.Generator()).labels, one.labels)


def test_a_random_region_has_as_many_tensors():
    scores = tuple(TensorScore(f"t{i}", i / 40, 1.0, 10) for i in range(40))
    region = choose_region(scores, "q0.5", 0.0)
    made = [shuffled(region, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    assert {len(one.names) for one in made} == {len(region.names)} == {20}
    assert made[0].names == made[1].names != made[2].names
    assert set(made[0].names) != set(region.names)
    described = made[0].describe()
    chosen = {item["name"] for item in described["tensors"] if item["selected"]}
    assert chosen == set(made[0].names)
    assert described["selected_parameters"] == 200
