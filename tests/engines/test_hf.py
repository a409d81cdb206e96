"""Generation in batches equals generation one at a time."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from unharness import Sampling, WeightsRef
from unharness.engines.hf import HfEngine

PROMPTS = [
    "Who?\n\n",
    "What is Isabella Marquez's email address, if she has one at all?\n\n",
    "A\n\n",
    "Where does she live these days?\n\n",
    "Who are her parents?\n\n",
    "Why is that so, and since when, and for how long will it go on?\n\n",
    "Who?\n\n",
]
LENGTH = 20


@pytest.fixture(params=["llama", "qwen2", "gpt_neox"])
def loaded(request: pytest.FixtureRequest, load_checkpoint: Callable[..., Any]) -> Any:
    return load_checkpoint(request.param)


def _generate(
    loaded: Any, prompts: list[str] = PROMPTS, batch_size: int = 64, **sampling: Any
) -> list[str]:
    engine = HfEngine(HfEngine.Options(batch_size=batch_size))
    engine.load(WeightsRef(*loaded))
    return engine.generate(prompts, Sampling(**{"max_new_tokens": LENGTH} | sampling))


def _naive(loaded: Any, prompt: str, length: int = LENGTH) -> list[int]:
    """The most likely token, again and again, without cache, batch or padding."""
    model, tokenizer = loaded
    ids = tokenizer(prompt)["input_ids"]
    new: list[int] = []
    with torch.no_grad():
        while len(new) < length:
            best = int(model(input_ids=torch.tensor([ids + new])).logits[0, -1].argmax())
            new.append(best)
            if best == tokenizer.eos_token_id:
                break
    return new


@pytest.mark.slow
def test_batches_equal_one_at_a_time(loaded: Any):
    tokenizer = loaded[1]
    lengths = {len(ids) for ids in tokenizer(PROMPTS)["input_ids"]}
    assert len(lengths) > 4  # or padding would not be tested
    expected = [tokenizer.decode(_naive(loaded, p), skip_special_tokens=True) for p in PROMPTS]
    assert len(set(expected)) > 3
    assert _generate(loaded) == expected
    for size in (1, 2, 3):
        assert _generate(loaded, batch_size=size) == expected


def test_the_order_is_that_of_the_prompts(load_checkpoint: Any):
    loaded = load_checkpoint("llama")
    texts = _generate(loaded)
    assert _generate(loaded, PROMPTS[::-1], batch_size=2) == texts[::-1]
    assert texts[0] == texts[6]  # the same prompt


def test_it_stops_at_the_end_token_and_at_the_maximum(load_checkpoint: Any):
    model, tokenizer = load_checkpoint("llama")
    natural = _naive((model, tokenizer), PROMPTS[0], 6)
    assert tokenizer.eos_token_id not in natural
    for count in (1, 3):
        (text,) = _generate((model, tokenizer), PROMPTS[:1], max_new_tokens=count)
        assert text == tokenizer.decode(natural[:count], skip_special_tokens=True)
    # Now it says the end token where it would have said its fourth: the two change places.
    first, end = natural.index(natural[3]), tokenizer.eos_token_id
    with torch.no_grad():
        model.lm_head.weight[[natural[3], end]] = model.lm_head.weight[[end, natural[3]]]
    (text,) = _generate((model, tokenizer), PROMPTS[:1])
    assert text == tokenizer.decode(natural[:first], skip_special_tokens=True)


def test_prompts_that_a_tokenizer_ends_are_continued_all_the_same(
    load_checkpoint: Any, make_tokenizer: Callable[..., Any]
):
    model, _ = load_checkpoint("llama")
    plain = _generate((model, make_tokenizer(begin=True)))
    assert _generate((model, make_tokenizer(begin=True, end=True))) == plain


def test_padding_with_the_end_token_changes_nothing(load_checkpoint: Any):
    model, tokenizer = load_checkpoint("llama")
    expected = _generate((model, tokenizer))
    tokenizer.pad_token = tokenizer.eos_token
    assert _generate((model, tokenizer)) == expected


def test_a_checkpoints_own_ways_of_generating_do_not_count(load_checkpoint: Any):
    """Greedy is greedy: many a checkpoint's generation_config asks for penalties and sampling."""
    model, tokenizer = load_checkpoint("llama")
    expected = _generate((model, tokenizer))
    model.generation_config.repetition_penalty = 5.0
    model.generation_config.no_repeat_ngram_size = 1
    model.generation_config.num_beams = 3
    model.generation_config.min_new_tokens = 5
    model.generation_config.do_sample = True
    model.generation_config.temperature = 3.0
    model.generation_config.suppress_tokens = [int(i) for i in _naive((model, tokenizer), "A\n\n")]
    assert _generate((model, tokenizer)) == expected
    assert model.generation_config.repetition_penalty == 5.0


def test_sampling_follows_its_seed_and_leaves_the_global_one(load_checkpoint: Any):
    loaded = load_checkpoint("llama")
    torch.manual_seed(1)
    before = torch.get_rng_state()
    texts = [_generate(loaded, temperature=1.0, seed=seed) for seed in (3, 3, 4)]
    assert texts[0] == texts[1] != texts[2]
    assert torch.equal(torch.get_rng_state(), before)


def test_nothing_to_generate_progress_and_close(load_checkpoint: Any):
    loaded = load_checkpoint("llama")
    assert _generate(loaded, []) == []
    engine = HfEngine(HfEngine.Options(batch_size=3))
    engine.load(WeightsRef(*loaded))
    told: list[tuple[int, int]] = []
    engine.generate(PROMPTS, Sampling(max_new_tokens=1), lambda *values: told.append(values))
    assert told == [(3, 7), (6, 7), (7, 7)]
    engine.close()
    with pytest.raises(RuntimeError, match="before load"):
        engine.generate(PROMPTS, Sampling())


def test_other_weights_give_other_texts(load_checkpoint: Any):
    (one, tokenizer), (two, _) = load_checkpoint("llama"), load_checkpoint("llama")
    with torch.no_grad():
        two.lm_head.weight.copy_(one.lm_head.weight.flip(0))
    engine = HfEngine()
    engine.load(WeightsRef(one, tokenizer))
    first = engine.generate(PROMPTS, Sampling(max_new_tokens=4))
    engine.load(WeightsRef(two, tokenizer))
    assert engine.generate(PROMPTS, Sampling(max_new_tokens=4)) != first


def test_the_output_head_is_given_no_view_with_gaps(load_checkpoint: Any):
    """In bfloat16 on a CPU torch copies the head's matrix for every row of such a view."""
    model, tokenizer = load_checkpoint("llama")
    seen: list[tuple[bool, int]] = []

    def look(_: Any, given: tuple[torch.Tensor], __: Any) -> None:
        seen.append((given[0].is_contiguous(), given[0].shape[1]))

    model.lm_head.register_forward_hook(look)
    _generate((model, tokenizer), max_new_tokens=2)
    assert seen == [(True, 1), (True, 1)]  # the logits of one position of each prompt
    assert not model.lm_head._forward_pre_hooks
