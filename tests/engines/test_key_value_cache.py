"""Keys and values in memory with room: the same numbers as the library's own cache."""

import pytest
import torch
from transformers import DynamicCache

from unharness.engines.key_value_cache import ROOM, GrowingLayer, growing_cache


def states(tokens, seed, rows=2):
    made = torch.Generator().manual_seed(seed)
    return [torch.randn(rows, 3, tokens, 4, generator=made) for _ in range(2)]


def test_it_holds_what_the_library_s_layer_holds():
    own, other = GrowingLayer(), DynamicCache().layer_class_to_replicate()
    copies = 0
    for at, tokens in enumerate([5, *[1] * (2 * ROOM + 3), 7]):
        held = own._held
        found = own.update(*states(tokens, at))
        wanted = other.update(*states(tokens, at))
        assert all(map(torch.equal, found, wanted))
        assert own.get_seq_length() == other.get_seq_length()
        copies += own._held is not held
    assert copies == 3  # the first, and one each time that the room is used up


def test_rows_that_are_chosen_and_tokens_that_are_cut_are_kept():
    own, other = GrowingLayer(), DynamicCache().layer_class_to_replicate()
    for layer in (own, other):
        layer.update(*states(6, 0))
        layer.batch_select_indices(torch.tensor([1, 0, 1]))
        layer.update(*states(2, 1, rows=3))
        layer.crop(-4)
    found, wanted = own.update(*states(1, 2, rows=3)), other.update(*states(1, 2, rows=3))
    assert all(map(torch.equal, found, wanted))


@pytest.mark.parametrize("kind", ["llama", "gpt_neox"])
def test_generation_has_the_same_logits_to_the_last_bit(load_checkpoint, kind):
    model, _ = load_checkpoint(kind)
    ids = torch.tensor([[0, 0, 5, 6, 7], [9, 8, 7, 6, 5]])
    mask = torch.tensor([[0, 0, 1, 1, 1], [1] * 5])
    options = {"max_new_tokens": 12, "do_sample": False, "pad_token_id": 0, "eos_token_id": None}
    options |= {"output_logits": True, "return_dict_in_generate": True}
    found = []
    for cache in (growing_cache(model), None):
        options["past_key_values"] = cache
        with torch.inference_mode():
            made = model.generate(input_ids=ids, attention_mask=mask, **options)
        found.append(torch.stack(made.logits))
    assert torch.equal(*found)
