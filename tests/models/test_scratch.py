import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, AutoTokenizer

from finetable.data.tokens import Encoder
from finetable.models.base_model import check_network, special_tokens_of
from finetable.models.scratch import (
    CHARACTERS_PER_TOKEN,
    CONTEXT,
    SIZES,
    SMALLEST_VOCABULARY,
    Size,
    build_scratch,
    differ_without_case,
    train_tokenizer,
)
from finetable.settings import SizeName

WORDS = ("film", "moon", "love", "été", "captain", "returns", "映画", "of", "the", "a", "sea", "lost", "ship")
SPECIAL = ("<|startoftext|>", "<|separator|>", "<|endoftext|>", "<|pad|>")


def sentences(count: int) -> list[str]:
    """Texts whose words differ more and more, so that there is always something left to merge."""
    return [
        " ".join(WORDS[(i * k + k) % len(WORDS)] + str(i * k % 997) for k in range(1, 9))
        for i in range(count)
    ]


TOKENIZER = train_tokenizer(lambda: sentences(300), "tiny")
SPELLING = TOKENIZER.backend_tokenizer

PROCESS = """
import json, sys
from finetable.models.scratch import train_tokenizer
texts = json.load(sys.stdin)
print(train_tokenizer(lambda: texts, "tiny").backend_tokenizer.to_str())
"""


@given(st.text() | st.text(alphabet="aé映🎬 \n\t<|>endoftx\x00\u0301\u200d"))
def test_any_text_survives_encoding_and_decoding(text: str) -> None:
    ids = SPELLING.encode(text, add_special_tokens=False).ids
    assert SPELLING.decode(ids, skip_special_tokens=False) == text


def test_special_tokens_are_named_and_first() -> None:
    special = special_tokens_of(TOKENIZER)
    assert [TOKENIZER.convert_ids_to_tokens(i) for i in range(4)] == list(SPECIAL)
    assert (special.start, special.separator, special.end, special.pad) == (0, 1, 2, 3)
    assert set(TOKENIZER.all_special_ids) == {0, 1, 2, 3}


def test_the_vocabulary_grows_with_the_table_up_to_the_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SIZES, "tiny", Size(width=128, layers=2, heads=2, vocabulary=900))

    def vocabulary_of(characters: int) -> int:
        texts = sentences(characters // 50)
        return len(train_tokenizer(lambda: ["".join(texts)[:characters]], "tiny"))

    tokens = (SMALLEST_VOCABULARY - 9, SMALLEST_VOCABULARY, SMALLEST_VOCABULARY + 1, 700, 899, 900, 1200)
    sizes = [vocabulary_of(count * CHARACTERS_PER_TOKEN) for count in tokens]
    assert sizes == [min(max(count, SMALLEST_VOCABULARY), 900) for count in tokens]


def test_nothing_to_learn_from_still_gives_every_byte() -> None:
    tokenizer = train_tokenizer(lambda: [], "tiny")
    ids = tokenizer("Ünïcode 映画\x00", add_special_tokens=False)["input_ids"]
    assert tokenizer.decode(ids) == "Ünïcode 映画\x00"


def test_texts_may_be_read_only_once_each_time_they_are_asked_for() -> None:
    from_list = train_tokenizer(lambda: sentences(50), "tiny")
    from_iterator = train_tokenizer(lambda: iter(sentences(50)), "tiny")
    assert from_list.backend_tokenizer.to_str() == from_iterator.backend_tokenizer.to_str()


def test_another_process_learns_the_same_tokenizer() -> None:
    ours = json.loads(SPELLING.to_str())
    theirs = subprocess.run(
        [sys.executable, "-c", PROCESS],
        input=json.dumps(sentences(300)),
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=True,
    )
    assert json.loads(theirs.stdout) == ours


def test_the_same_seed_gives_the_same_weights_and_another_seed_others() -> None:
    one, two, other = (build_scratch("tiny", TOKENIZER, seed).network.state_dict() for seed in (5, 5, 6))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["model.embed_tokens.weight"], other["model.embed_tokens.weight"])


def test_the_random_numbers_of_the_caller_are_left_alone() -> None:
    state = torch.random.get_rng_state()
    build_scratch("tiny", TOKENIZER, 5)
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("size", ["tiny", "small"])
def test_the_network_has_the_size_and_the_shape_it_says(size: SizeName) -> None:
    base = build_scratch(size, TOKENIZER, 0)
    config = base.network.config
    assert (config.hidden_size, config.num_hidden_layers) == (SIZES[size].width, SIZES[size].layers)
    assert config.vocab_size >= len(TOKENIZER)
    assert config.vocab_size % 64 == 0
    assert base.context == CONTEXT
    assert base.origin == "scratch"
    check_network(base.network)


def test_widths_are_whole_heads_and_sizes_rise() -> None:
    assert all(size.width % size.heads == 0 for size in SIZES.values())
    weights = [size.width**2 * size.layers for size in SIZES.values()]
    assert weights == sorted(weights)
    assert list(SIZES) == ["tiny", "small", "medium", "large"]


def test_a_scratch_base_is_a_plain_transformers_model(tmp_path: Path) -> None:
    base = build_scratch("tiny", TOKENIZER, 0)
    base.network.save_pretrained(tmp_path)
    base.tokenizer.save_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    network = AutoModelForCausalLM.from_pretrained(tmp_path)
    text = "<|startoftext|>the lost  été\n<|separator|>a film<|endoftext|>"
    ids = tokenizer(text, return_tensors="pt")["input_ids"]
    encoder = base.encoder()
    assert ids[0].tolist() == [*encoder.prompts(["the lost  été\n"])[0], *encoder.answers(["a film"])[0]]
    with torch.inference_mode():
        assert torch.equal(network(ids).logits, base.network.eval()(ids).logits)
    told = (network.generation_config.bos_token_id, network.generation_config.eos_token_id)
    assert told == (base.special.start, base.special.end)


def test_with_folded_case_texts_are_the_same_in_capitals_and_special_tokens_stay() -> None:
    tokenizer = train_tokenizer(
        lambda: ["Two friends travel.", "Zwei FREUNDE, Été"] * 9, "tiny", fold_case=True
    )
    encoder = Encoder(tokenizer.backend_tokenizer, special_tokens_of(tokenizer))
    assert encoder.prompts(["TWO Friends, ÉTÉ"]) == encoder.prompts(["two friends, été"])
    assert encoder.decode(encoder.answers(["TWO Friends, ÉTÉ"])[0][:-1]) == "two friends, été"
    plain = train_tokenizer(lambda: ["Two friends travel."] * 9, "tiny")
    as_read = Encoder(plain.backend_tokenizer, special_tokens_of(plain))
    assert as_read.prompts(["TWO"]) != as_read.prompts(["two"])
    assert tokenizer(SPECIAL[0])["input_ids"] == [special_tokens_of(tokenizer).start]


@pytest.mark.parametrize(
    ("labels", "differ"), [(("a", "b"), True), (("US", "us"), False), ((), True), (("É", "é", "x"), False)]
)
def test_labels_that_differ_in_case_alone(labels: tuple[str, ...], differ: bool) -> None:
    assert differ_without_case(labels) is differ
