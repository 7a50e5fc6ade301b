from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from transformers import AutoModelForCausalLM, AutoTokenizer

from finetable.errors import UserError
from finetable.inference import torch_engine
from finetable.inference.engine import Request, Text
from finetable.inference.sampling import sample, uniforms
from finetable.inference.torch_engine import TorchEngine
from finetable.inference.utf8 import token_bytes
from finetable.models.base_model import BaseModel
from finetable.verb_settings import SamplingSettings

Load = Callable[[str], BaseModel]
Key = tuple[int, int]

GREEDY = SamplingSettings(temperature=0, max_tokens=24)
UNTIL_THE_END = SamplingSettings(temperature=0, max_tokens=70)
NARROW = SamplingSettings(temperature=0.9, top_k=30, top_p=0.9, seed=8, max_tokens=24)
DRAWN = SamplingSettings(temperature=1.3, top_k=0, top_p=1, seed=7, max_tokens=24)
SHORT = SamplingSettings(temperature=1.3, top_k=0, top_p=1, seed=7, max_tokens=12)
REQUESTS = (
    Request(0, "the sea"),
    Request(1, None),
    Request(2, "Un été à Paris"),
    Request(3, ""),
    Request(4, "映画", prefix="Two friends"),
    Request(5, None, prefix="Only "),
    Request(9, "a film about the moon, and love", draw=3),
)
PROMPTS: tuple[str | None, ...] = (None, "", "the sea", "映画 🎬", "Un été à Paris, l'amour au café", "x")


def engine_for(base: BaseModel, most_lanes: int = 4) -> TorchEngine:
    return TorchEngine(base, longest_prompt=20, longest_answer=20, most_lanes=most_lanes)


def written(
    engine: TorchEngine, requests: Sequence[Request], sampling: SamplingSettings, batch_size: int = 64
) -> dict[Key, Text]:
    """Every text by the row and draw of its request; each request is answered once."""
    texts = list(engine.stream(requests, sampling, batch_size))
    assert sorted(key_of(text.request) for text in texts) == sorted(map(key_of, requests))
    return {key_of(text.request): text for text in texts}


def key_of(request: Request) -> Key:
    return request.row, request.draw


def slowly_written(base: BaseModel, request: Request, sampling: SamplingSettings) -> Text:
    """One text, token by token: at each step everything is computed again, in one whole sequence.

    What may come next is found by trying: a token whose bytes continue UTF-8, or the end between characters.
    """
    pieces = token_bytes(base.tokenizer)
    ids = base.encoder().prompts([request.prompt])[0] + base.encoder().prefix(request.prefix)
    read, whole, ended = b"", b"", False
    for step in range(sampling.max_tokens or 0):
        with torch.no_grad():
            logits = base.network(torch.tensor([ids]), use_cache=False).logits[:, -1].float()
        for token in range(logits.shape[1]):
            piece = pieces[token] if token < len(pieces) else None
            is_end = token == base.special.end and read == whole
            if not is_end and (piece is None or not begins_text(read[len(whole) :] + piece)):
                logits[0, token] = -torch.inf
        place = [torch.tensor([number]) for number in (request.row, request.draw, step)]
        uniform = uniforms(sampling.seed, place[0], place[1], place[2])
        token = int(sample(logits, uniform, sampling.temperature, sampling.top_k, sampling.top_p))
        if token == base.special.end:
            ended = True
            break
        ids.append(token)
        read += pieces[token] or b""
        whole = read if is_text(read) else whole
    # SentencePiece's decoder takes one blank off the start of a text.
    takes_blank = base.tokenizer.unk_token == "<unk>" and not request.prefix
    text = whole.decode()
    return Text(request, text.removeprefix(" ") if takes_blank else text, ended)


@cache
def begins_text(read: bytes) -> bool:
    """Whether the bytes are text, or could become text with more of them."""
    return any(is_text(read + byte * count) for byte in (b"\x80", b"\xbf") for count in range(4))


def is_text(read: bytes) -> bool:
    try:
        read.decode()
    except UnicodeDecodeError:
        return False
    return True


@pytest.mark.parametrize("sampling", [GREEDY, DRAWN], ids=["greedy", "drawn"])
def test_texts_are_those_of_the_slow_way(base: BaseModel, sampling: SamplingSettings) -> None:
    texts = written(engine_for(base), REQUESTS, sampling)
    for request in REQUESTS:
        assert texts[key_of(request)] == slowly_written(base, request, sampling)
    assert len({text.text for text in texts.values()}) > len(REQUESTS) // 2


def test_texts_of_a_narrow_choice_are_those_of_the_slow_way(load_base: Load) -> None:
    base = load_base("gpt_neox")
    for key, text in written(engine_for(base), REQUESTS, NARROW).items():
        assert text == slowly_written(base, text.request, NARROW), key


def test_a_text_ends_or_is_cut_at_the_most_tokens(base: BaseModel) -> None:
    sampling = DRAWN.model_copy(update={"temperature": 2, "max_tokens": 60})
    requests = [Request(row, "the sea") for row in range(24)]
    texts = written(engine_for(base, 8), requests, sampling)
    assert {text.ended for text in texts.values()} == {True, False}
    ended = next(text for text in texts.values() if text.ended)
    assert ended == slowly_written(base, ended.request, sampling)


def test_a_taught_base_writes_what_it_was_taught(
    taught: BaseModel, taught_examples: tuple[tuple[str, str], ...]
) -> None:
    requests = [Request(row, prompt) for row, (prompt, _) in enumerate(taught_examples)]
    texts = written(engine_for(taught), requests, UNTIL_THE_END)
    for row, (_, answer) in enumerate(taught_examples):
        assert texts[row, 0] == Text(requests[row], answer, ended=True)


def test_plain_transformers_writes_the_same_from_the_saved_folder(
    taught: BaseModel,
    taught_examples: tuple[tuple[str, str], ...],
    save: Callable[[BaseModel, Path], Path],
    tmp_path: Path,
) -> None:
    folder = save(taught, tmp_path / "saved")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    network: Any = AutoModelForCausalLM.from_pretrained(folder)
    requests = [Request(row, prompt) for row, (prompt, _) in enumerate(taught_examples)]
    texts = written(engine_for(taught), requests, UNTIL_THE_END)
    for request in requests:
        spelled = f"{tokenizer.bos_token}{request.prompt}<|separator|>"
        asked = tokenizer(spelled, add_special_tokens=False, return_tensors="pt")
        with torch.inference_mode():
            ids = network.generate(**asked, do_sample=False, max_new_tokens=70)[0].tolist()
        assert ids[-1] == tokenizer.eos_token_id
        text = tokenizer.decode(ids[asked["input_ids"].shape[1] :], skip_special_tokens=True)
        assert texts[key_of(request)].ended
        assert texts[key_of(request)].text == text


@pytest.mark.parametrize("sampling", [GREEDY, DRAWN], ids=["greedy", "drawn"])
def test_neither_batch_size_nor_company_nor_order_changes_a_text(
    base: BaseModel, sampling: SamplingSettings
) -> None:
    short = sampling.model_copy(update={"max_tokens": 12})
    engine = engine_for(base)
    together = written(engine, REQUESTS, short)
    for batch_size in (1, 3):
        assert written(engine, REQUESTS, short, batch_size) == together
    assert written(engine, REQUESTS[::-1], short, 2) == together
    some = REQUESTS[2:5]
    assert written(engine, some, short) == {key_of(request): together[key_of(request)] for request in some}


@pytest.fixture(scope="module")
def alone(load_base: Load) -> tuple[TorchEngine, dict[Key, Text]]:
    """An engine, and the texts of many requests that were asked for one by one."""
    engine = engine_for(load_base("qwen2"), most_lanes=4)
    requests = [Request(row, PROMPTS[row % 6], draw=draw) for row in range(9) for draw in range(2)]
    texts: dict[Key, Text] = {}
    for request in requests:
        texts |= written(engine, [request], SHORT)
    return engine, texts


@settings(max_examples=15, deadline=None)
@given(data=st.data(), batch_size=st.integers(1, 9))
def test_any_requests_in_any_batches_give_the_texts_they_give_alone(
    data: st.DataObject, batch_size: int, alone: tuple[TorchEngine, dict[Key, Text]]
) -> None:
    engine, texts = alone
    asked = data.draw(st.lists(st.sampled_from(sorted(texts)), unique=True, max_size=14))
    requests = [texts[key].request for key in asked]
    assert written(engine, requests, SHORT, batch_size) == {key: texts[key] for key in asked}


def test_rows_of_one_lane_wait_for_each_other_while_other_lanes_stand_idle(load_base: Load) -> None:
    engine = engine_for(load_base("gpt2"))
    requests = [Request(4 * row, "the sea") for row in range(6)]
    texts = written(engine, requests, DRAWN)
    assert texts[20, 0] == written(engine, requests[5:], DRAWN)[20, 0]


@pytest.mark.parametrize("most_lanes", [1, 2, 64])
def test_fewer_lanes_write_the_same(load_base: Load, most_lanes: int) -> None:
    base = load_base("llama")
    texts = written(engine_for(base, most_lanes), REQUESTS, NARROW)
    assert texts == written(engine_for(base), REQUESTS, NARROW)


def test_little_memory_means_fewer_lanes_and_not_other_texts(
    load_base: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = load_base("gptj")
    texts = written(engine_for(base), REQUESTS, NARROW)
    monkeypatch.setattr(torch_engine, "BYTES_OF_LANES", 1)
    assert written(engine_for(base), REQUESTS, NARROW) == texts


@pytest.mark.parametrize(("row", "draw"), [(1, 0), (4, 0), (0, 1)])
def test_another_row_or_draw_is_another_text(base: BaseModel, row: int, draw: int) -> None:
    engine = engine_for(base)
    one, other = Request(0, "the sea"), Request(row, "the sea", draw=draw)
    texts = [next(engine.stream([request], DRAWN, 1)).text for request in (one, other, one)]
    assert texts[0] == texts[2] != texts[1]


def test_another_seed_is_another_text(load_base: Load) -> None:
    engine = engine_for(load_base("llama"))
    seeds = (1, 2, 1, 2**63 - 1)
    texts = [
        next(engine.stream(REQUESTS[:1], DRAWN.model_copy(update={"seed": seed}), 1)).text for seed in seeds
    ]
    assert texts[0] == texts[2]
    assert len(set(texts)) == 3


def test_a_prefix_is_where_the_text_goes_on(
    taught: BaseModel, taught_examples: tuple[tuple[str, str], ...]
) -> None:
    prompt, answer = taught_examples[0]
    words = answer.split(" ")
    for count in (1, 2, 5):
        prefix = " ".join(words[:count])
        text = next(engine_for(taught).stream([Request(0, prompt, prefix)], UNTIL_THE_END, 1))
        assert prefix + text.text == answer
        assert text.ended


def test_a_text_cut_early_is_the_beginning_of_the_longer_one(base: BaseModel) -> None:
    engine = engine_for(base)
    longest = written(engine, REQUESTS, DRAWN)
    for most in (1, 2, 3, 7):
        for key, text in written(engine, REQUESTS, DRAWN.model_copy(update={"max_tokens": most})).items():
            assert longest[key].text.startswith(text.text)
            assert "\ufffd" not in text.text
            assert not text.ended or text.text == longest[key].text


def test_half_a_character_is_never_written(load_base: Load) -> None:
    """A base that says the four bytes of one letter again and again, cut after each of them."""
    base = load_base("gpt2")
    letter = base.encoder().prefix("🎬")
    assert len(letter) == 4
    head = nn.Linear(32, 304, bias=False)
    base.network.set_output_embeddings(head)
    with torch.no_grad():
        for name, weight in base.network.named_parameters():
            weight.fill_(float("ln_f.weight" in name))
            if "wpe" in name:
                weight[:20, :4] = torch.eye(4).repeat(5, 1)
        for place, token in enumerate(letter):
            head.weight[token, place] = 100
    engine = engine_for(base)
    for most in range(1, 13):
        text = next(engine.stream([Request(0, None)], SamplingSettings(temperature=0, max_tokens=most), 1))
        assert text == Text(Request(0, None), "🎬" * (most // 4), ended=False)


def test_without_most_tokens_a_text_may_be_a_quarter_longer_than_those_learnt(load_base: Load) -> None:
    engine = TorchEngine(load_base("llama"), longest_prompt=8, longest_answer=12)
    assert engine.most_tokens(SamplingSettings()) == 15
    assert engine.most_tokens(SamplingSettings(max_tokens=3)) == 3
    never_ends = SamplingSettings(temperature=0)
    text = next(engine.stream([Request(0, "the sea")], never_ends, 1))
    assert text == next(
        engine.stream([Request(0, "the sea")], SamplingSettings(temperature=0, max_tokens=15), 1)
    )


def test_a_text_ends_where_the_context_does(base: BaseModel) -> None:
    encoder = base.encoder()
    prompt = "ab" * 80
    while len(encoder.prompts([prompt])[0]) > base.context - 1:
        prompt = prompt[:-1]
    left = base.context - len(encoder.prompts([prompt])[0])
    text = next(engine_for(base).stream([Request(0, prompt)], GREEDY, 1))
    slow = slowly_written(base, Request(0, prompt), GREEDY.model_copy(update={"max_tokens": left + 1}))
    assert left <= 2
    assert text == slow


def test_a_prompt_longer_than_the_context_loses_its_end(base: BaseModel) -> None:
    engine, encoder = engine_for(base), base.encoder()
    long, prefix = "moon " * 99, encoder.prefix("film")
    requests = [Request(0, "the sea"), Request(1, long, prefix="film")]
    assert engine.too_long([request.prompt for request in requests], ["film"]) == [1]
    found = written(engine, requests, GREEDY)
    kept = encoder.prompts([long], base.context - 1 - len(prefix))[0]
    shorter = encoder.decode(kept[1:-1])
    assert encoder.prompts([shorter]) == [kept]
    assert engine.too_long([shorter], ["film"]) == []
    assert found[1, 0].text == written(engine, [Request(1, shorter, prefix="film")], GREEDY)[1, 0].text
    assert found[0, 0] == written(engine_for(base), requests[:1], GREEDY)[0, 0]


def test_a_prefix_longer_than_the_context_is_an_error(base: BaseModel) -> None:
    with pytest.raises(UserError, match="prefix is too long for a model that sees 96 tokens at once"):
        next(engine_for(base).stream([Request(0, "the sea", prefix="moon " * 99)], GREEDY, 8))


def test_nothing_asked_for_nothing_written(load_base: Load) -> None:
    assert list(engine_for(load_base("gpt2")).stream([], DRAWN, 4)) == []


def test_texts_come_as_they_end(load_base: Load, teach: Callable[[BaseModel, int], list[float]]) -> None:
    base = load_base("gpt2")
    teach(base, 40)
    requests = [Request(0, "the sea"), Request(1, "映画")]
    texts = list(engine_for(base).stream(requests, GREEDY, 2))
    assert [text.request.row for text in texts] == [1, 0]
