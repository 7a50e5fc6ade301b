from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import cache

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from finetable.inference.engine import Request
from finetable.inference.live_engine import LiveEngine
from finetable.inference.live_request import Ask, Finish, Piece
from finetable.inference.sampling import sample, uniforms
from finetable.inference.torch_engine import TorchEngine
from finetable.inference.utf8 import token_bytes
from finetable.models.base_model import BaseModel
from finetable.verb_settings import SamplingSettings

Load = Callable[[str], BaseModel]
Open = Callable[..., LiveEngine]
Write = Callable[[LiveEngine, Sequence[Ask]], list[list[Piece]]]
Written = tuple[str, Finish, int, list[tuple[int, float]]]

REQUESTS = (
    Request(0, "the sea"),
    Request(1, None),
    Request(2, "Un été à Paris, l'amour au café; Un été à Paris"),
    Request(3, ""),
    Request(4, "映画", prefix="Two friends"),
    Request(5, None, prefix="Only "),
    Request(6, "a film about the moon, and love"),
)
MOST_TOKENS = 24


def ask_of(base: BaseModel, request: Request, most_tokens: int = MOST_TOKENS) -> Ask:
    encoder = base.encoder()
    ids = encoder.prompts([request.prompt])[0] + encoder.prefix(request.prefix)
    return Ask(tuple(ids), most_tokens, temperature=0)


def asks_of(base: BaseModel) -> list[Ask]:
    """Every kind of limit, bias and penalty."""
    common = base.encoder().prefix("a e i,")
    kinds: list[Callable[[Ask], Ask]] = [
        lambda ask: replace(ask, logprobs=2),
        lambda ask: replace(ask, temperature=1.3, seed=7, logprobs=0),
        lambda ask: replace(ask, temperature=0.9, top_k=30, top_p=0.9, seed=-8, draw=3),
        lambda ask: replace(ask, frequency_penalty=1.5, presence_penalty=-0.5, logprobs=3),
        lambda ask: replace(ask, temperature=1, presence_penalty=2, seed=2**70, logprobs=1),
        lambda ask: replace(ask, logit_bias=dict.fromkeys(common, 4.0) | {base.special.end: -100}),
        lambda ask: replace(ask, temperature=1, top_p=0.5, logit_bias={common[0]: 3}, frequency_penalty=1),
        lambda ask: replace(ask, stop=("e", "the ", "zz"), temperature=1.2, seed=3, logprobs=1),
        lambda ask: replace(ask, stop=("a", "  "), temperature=1.5, top_k=99, seed=4, logprobs=1),
        lambda ask: replace(ask, logit_bias={base.special.end: 100}, logprobs=1),
    ]
    asks = [ask_of(base, request) for request in REQUESTS]
    return [kind(asks[place % len(asks)]) for place, kind in enumerate(kinds)]


def slowly(base: BaseModel, ask: Ask) -> Written:
    """One text, token by token: at each step everything is computed again, in one whole sequence.

    Gives text, finish, tokens written, and id and log-probability of each token whose text comes out.
    """
    pieces, ids = token_bytes(base.tokenizer), list(ask.ids)
    most = min(ask.most_tokens, base.context - len(ids) + 1)
    written: list[int] = []
    scores: list[tuple[int, float]] = []
    while len(written) < most:
        with torch.no_grad():
            logits = base.network(torch.tensor([ids]), use_cache=False).logits[0, -1].float()
        nats = logits.log_softmax(dim=0)
        read = b"".join(pieces[token] or b"" for token in written)
        for token in range(len(logits)):
            piece = pieces[token] if token < len(pieces) else None
            is_end = token == base.special.end and is_text(read)
            if not is_end and (piece is None or not begins_text(read + piece)):
                logits[token] = -torch.inf
            logits[token] += ask.logit_bias.get(token, 0)
            count = written.count(token)
            logits[token] -= ask.frequency_penalty * count + ask.presence_penalty * (count > 0)
        place = [torch.tensor([number]) for number in (0, ask.draw, len(written))]
        uniform = uniforms(ask.seed, place[0], place[1], place[2])
        token = int(sample(logits[None], uniform, ask.temperature, ask.top_k, ask.top_p))
        if token == base.special.end:
            return text_of(base, ask, written), "stop", len(written), scores
        ids.append(token)
        written.append(token)
        scores.append((token, float(nats[token])))
        whole = text_of(base, ask, written) if ask.stop else ""
        for end in range(len(whole) + 1):
            met = [stop for stop in ask.stop if whole[:end].endswith(stop)]
            if met:
                text = whole[: end - max(map(len, met))]
                kept = [n for n in range(len(written)) if len(text_of(base, ask, written[:n])) < len(text)]
                return text, "stop", len(written), scores[: len(kept)]
    return text_of(base, ask, written), "length", len(written), scores


def text_of(base: BaseModel, ask: Ask, written: list[int]) -> str:
    """The text after what stands behind the last special token, without half characters."""
    pieces, encoder = token_bytes(base.tokenizer), base.encoder()
    while not is_text(b"".join(pieces[token] or b"" for token in written)):
        written = written[:-1]
    start = max(place for place, token in enumerate([base.special.pad, *ask.ids]) if pieces[token] is None)
    prefix = list(ask.ids[start:])
    if not is_text(b"".join(pieces[token] or b"" for token in prefix)):
        return b"".join(pieces[token] or b"" for token in written).decode()
    return encoder.decode(prefix + written)[len(encoder.decode(prefix)) :]


def is_text(read: bytes) -> bool:
    try:
        read.decode()
    except UnicodeDecodeError:
        return False
    return True


@cache
def begins_text(read: bytes) -> bool:
    """Whether the bytes are text, or could become text with more of them."""
    return any(is_text(read + byte * count) for byte in (b"\x80", b"\xbf") for count in range(4))


def assert_is(base: BaseModel, ask: Ask, pieces: list[Piece]) -> None:
    """Pieces follow the contract, and together they are what the slow way gives."""
    text, finish, written, scores = slowly(base, ask)
    assert "".join(piece.text for piece in pieces) == text
    assert [piece.finish for piece in pieces] == [None] * (len(pieces) - 1) + [finish]
    assert pieces[-1].written == written
    counts = [piece.written for piece in pieces]
    assert counts == sorted(counts)
    assert all(piece.text or piece.tokens for piece in pieces[:-1])
    tokens = [token for piece in pieces for token in piece.tokens]
    if ask.logprobs is None:
        assert not tokens
        return
    assert [token.token_id for token in tokens] == [token for token, _ in scores]
    assert [token.logprob for token in tokens] == pytest.approx([nats for _, nats in scores], abs=1e-3)
    for token in tokens:
        likeliest = [nats for _, _, nats in token.top]
        assert len(likeliest) == ask.logprobs
        assert likeliest == sorted(likeliest, reverse=True)
        assert token.logprob <= max(likeliest, default=0) + 1e-6


def test_greedy_texts_are_those_of_the_other_engine(base: BaseModel, open_engine: Open, write: Write) -> None:
    slow = TorchEngine(base, longest_prompt=20, longest_answer=20, most_lanes=4)
    engine = open_engine(base)
    for most in (MOST_TOKENS, 70):
        texts = slow.stream(REQUESTS, SamplingSettings(temperature=0, max_tokens=most), 64)
        by_row = {text.request.row: text for text in texts}
        written = write(engine, [ask_of(base, request, most) for request in REQUESTS])
        for request, pieces in zip(REQUESTS, written, strict=True):
            assert "".join(piece.text for piece in pieces) == by_row[request.row].text
            assert (pieces[-1].finish == "stop") == by_row[request.row].ended


def test_taught_texts_come_whole_and_end(
    taught: BaseModel, taught_examples: tuple[tuple[str, str], ...], open_engine: Open, write: Write
) -> None:
    asks = [ask_of(taught, Request(0, prompt), 70) for prompt, _ in taught_examples]
    for pieces, (_, answer) in zip(write(open_engine(taught), asks), taught_examples, strict=True):
        assert "".join(piece.text for piece in pieces) == answer
        assert pieces[-1].finish == "stop"
        assert len(pieces) > len(answer) // 8


def test_every_kind_of_ask_gives_what_the_slow_way_gives(
    base: BaseModel, open_engine: Open, write: Write
) -> None:
    asks = asks_of(base)
    finishes = set()
    for ask, pieces in zip(asks, write(open_engine(base), asks), strict=True):
        assert_is(base, ask, pieces)
        finishes.add(pieces[-1].finish)
    assert finishes == {"stop", "length"}


@pytest.fixture(scope="module")
def shared(load_base: Load) -> Iterator[tuple[BaseModel, LiveEngine]]:
    """A base with an engine that is busy again and again, of few lanes."""
    base = load_base("llama")
    with closing(LiveEngine(base, most_lanes=4)) as engine:
        yield base, engine


@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_any_asks_together_give_what_each_gives_in_the_slow_way(
    data: st.DataObject, shared: tuple[BaseModel, LiveEngine], write: Write
) -> None:
    base, engine = shared
    ids = st.lists(st.integers(0, 340), min_size=1, max_size=95).map(tuple)
    bias = st.dictionaries(st.integers(0, 340), st.floats(-5, 5), max_size=3)
    penalty = st.sampled_from([0.0, 0.7, -1.0])
    asks = data.draw(
        st.lists(
            st.builds(
                Ask,
                ids=ids,
                most_tokens=st.integers(0, 12),
                temperature=st.sampled_from([0.0, 0.8, 1.4]),
                top_k=st.sampled_from([0, 5]),
                top_p=st.sampled_from([1.0, 0.8]),
                seed=st.integers(),
                draw=st.integers(0, 5),
                frequency_penalty=penalty,
                presence_penalty=penalty,
                logit_bias=bias,
                stop=st.lists(st.text("aeo t", min_size=1, max_size=2), max_size=4).map(tuple),
                logprobs=st.sampled_from([None, 0, 4]),
            ),
            min_size=1,
            max_size=7,
        )
    )
    for ask, pieces in zip(asks, write(engine, asks), strict=True):
        assert_is(base, ask, pieces)


def test_half_a_character_never_comes_out(load_base: Load, open_engine: Open, write: Write) -> None:
    """Every byte of a letter is a token; the text is cut after each of them."""
    base = load_base("gpt2")
    letter = base.encoder().prefix("🎬")
    assert len(letter) == 4
    engine = open_engine(base)
    for most in range(1, 10):
        asks = [Ask((base.special.start,), most, 0, logit_bias=dict.fromkeys(letter, 100), logprobs=0)]
        (pieces,) = write(engine, asks)
        text = "".join(piece.text for piece in pieces)
        assert text.encode() == b"".join(s.token for p in pieces for s in p.tokens)[: len(text.encode())]
        assert "\ufffd" not in text
        assert sum(len(piece.tokens) for piece in pieces) == pieces[-1].written == most
        assert_is(base, asks[0], pieces)


def test_a_text_ends_where_the_context_does(base: BaseModel, open_engine: Open, write: Write) -> None:
    plain = base.encoder().prefix("abc")
    asks = [
        Ask(tuple((plain * 40)[:length]), 50, 0, logit_bias={base.special.end: -1000})
        for length in (base.context - 1, base.context - 2, base.context - 30)
    ]
    written = write(open_engine(base), asks)
    assert [pieces[-1].written for pieces in written] == [2, 3, 31]
    assert [pieces[-1].finish for pieces in written] == ["length"] * 3
    for ask, pieces in zip(asks, written, strict=True):
        assert_is(base, ask, pieces)


def test_no_tokens_asked_for_is_an_immediate_last_piece(
    load_base: Load, open_engine: Open, write: Write
) -> None:
    assert write(open_engine(load_base("qwen2")), [Ask((1, 2), 0)]) == [[Piece("", (), 0, "length")]]


def test_the_same_ask_alone_gives_the_same_text_each_time(
    base: BaseModel, open_engine: Open, write: Write
) -> None:
    ask = replace(ask_of(base, REQUESTS[2]), temperature=1.2, top_p=0.95, seed=11)
    engine = open_engine(base)
    first = write(engine, [ask])
    write(engine, asks_of(base))
    assert write(engine, [ask]) == first
    others = [replace(ask, seed=12), replace(ask, draw=1)]
    assert len({"".join(p.text for p in pieces) for pieces in [*first, *write(engine, others)]}) == 3


def test_a_bias_forces_and_bans(load_base: Load, open_engine: Open, write: Write) -> None:
    base = load_base("qwen3")
    (letter,) = base.encoder().prefix("q")
    ask = ask_of(base, REQUESTS[0])
    forced = replace(ask, logit_bias={letter: 100})
    (pieces,) = write(open_engine(base), [forced])
    assert "".join(piece.text for piece in pieces) == "q" * MOST_TOKENS
    banned = replace(forced, logit_bias={letter: 100}, frequency_penalty=2, presence_penalty=2)
    (pieces,) = write(open_engine(base), [replace(banned, logit_bias={letter: -100})])
    assert "q" not in "".join(piece.text for piece in pieces)
