from collections.abc import Iterable
from contextlib import suppress

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from finetable.inference.utf8 import Utf8Constraint, token_bytes

CORPUS = [
    "The café on the corner serves naïve art and crème brûlée.",
    "日本語の文章と日本の映画、そして東京の夜。日本語は楽しい。",
    "Привет, мир! Новый фильм о войне и мире.",
    "emoji 🎬🎥🎬🍿 and 👩‍👩‍👧 families, 𝄞 music",
] * 3
TEXT = st.text(max_size=20) | st.lists(st.sampled_from("aé▁ 日本語ми🎬𝄞 <0xE3>"), max_size=12).map("".join)
SINGLE_BYTES = [bytes([byte]) for byte in range(256)]

# A start of a text for each state: what is pending of a character.
PENDING = [b"", b"\xc3", b"\xe6", b"\xf1", b"\xe0", b"\xed", b"\xf0", b"\xf4"]


def byte_level_tokenizer() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=["<|end|>"]
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_tokens([AddedToken("日本 film"), AddedToken("<pad me>", special=True)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>")


def sentencepiece_tokenizer() -> PreTrainedTokenizerFast:
    words = ["the", "caf", "é", "日本", "▁", "a", "n", "d", "an", "▁an", "▁and"]
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *words]
    merges = [("a", "n"), ("▁", "an"), ("▁an", "d")]
    vocabulary = {piece: token_id for token_id, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges, byte_fallback=True, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>"
    )


def word_tokenizer() -> PreTrainedTokenizerFast:
    vocabulary = {"[UNK]": 0, "café": 1, "日本": 2, "▁film": 3, "<0xE3>": 4, "Ġgood": 5}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


BYTE_LEVEL = byte_level_tokenizer()
SENTENCEPIECE = sentencepiece_tokenizer()
BOTH_KINDS = pytest.mark.parametrize("tokenizer", [BYTE_LEVEL, SENTENCEPIECE], ids=["byte-level", "pieces"])


def joined(pieces: list[bytes | None], ids: Iterable[int]) -> bytes:
    found = [pieces[token_id] for token_id in ids]
    assert None not in found
    return b"".join(piece for piece in found if piece is not None)


def walk(constraint: Utf8Constraint, ids: Iterable[int]) -> int:
    state = 0
    for token_id in ids:
        assert constraint.allowed[state, token_id]
        state = int(constraint.following[state, token_id])
    return state


@BOTH_KINDS
@settings(deadline=None)
@given(text=TEXT)
def test_pieces_joined_are_the_text_that_the_tokenizer_decodes(
    tokenizer: PreTrainedTokenizerFast, text: str
) -> None:
    ids = tokenizer.encode(text, add_special_tokens=False)
    spoken = joined(token_bytes(tokenizer), ids).decode()
    if tokenizer is BYTE_LEVEL:
        assert spoken == text == tokenizer.decode(ids)
    else:
        assert spoken == " " * bool(text) + text.replace("▁", " ")
        assert tokenizer.decode(ids) == spoken[1:]


@BOTH_KINDS
def test_every_byte_has_a_token_and_special_tokens_have_no_bytes(tokenizer: PreTrainedTokenizerFast) -> None:
    pieces = token_bytes(tokenizer)
    assert set(SINGLE_BYTES) <= set(pieces)
    assert len(pieces) == len(tokenizer)
    silent = {tokenizer.convert_ids_to_tokens(i) for i, piece in enumerate(pieces) if piece is None}
    assert silent == ({"<|end|>", "<pad me>"} if tokenizer is BYTE_LEVEL else {"<unk>", "<s>", "</s>"})


def test_an_added_token_with_letters_outside_the_byte_table_is_plain_text() -> None:
    added = BYTE_LEVEL.convert_tokens_to_ids("日本 film")
    assert isinstance(added, int)
    assert token_bytes(BYTE_LEVEL)[added] == "日本 film".encode()
    assert BYTE_LEVEL.decode([added]) == "日本 film"


def test_tokens_of_another_kind_are_whole_strings() -> None:
    pieces = token_bytes(word_tokenizer())
    assert pieces == [None, *(text.encode() for text in ("café", "日本", "▁film", "<0xE3>", "Ġgood"))]


def test_a_space_sign_of_its_own_is_read_from_the_decoder() -> None:
    tokenizer = Tokenizer(models.WordLevel({"_a": 0, "▁b": 1, "<0xE3>": 2}, unk_token="?"))
    tokenizer.decoder = decoders.Metaspace(replacement="_")
    wrapped = PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    assert token_bytes(wrapped) == [b" a", "▁b".encode(), b"<0xE3>"]


def test_a_decoder_with_a_regular_expression_is_asked_itself() -> None:
    tokenizer = Tokenizer(models.WordLevel({"aXXb": 0, "▁c": 1}, unk_token="?"))
    tokenizer.decoder = decoders.Sequence([decoders.Replace(Regex("X+"), "é"), decoders.Fuse()])
    assert token_bytes(PreTrainedTokenizerFast(tokenizer_object=tokenizer)) == ["aéb".encode(), "▁c".encode()]


# Every way in which a character can begin: characters with one number // 64 share all but the last byte.
# (Python's incremental decoder is no reference: it takes the first two bytes of a surrogate for a start.)
OPEN_CHARACTERS = {
    chr(number).encode()[:length]
    for number in range(0x80, 0x110000, 64)
    if not 0xD800 <= number <= 0xDFFF
    for length in range(1, len(chr(number).encode()))
}


def continued(start: bytes, piece: bytes) -> bytes | None:
    """What is open after start and piece, or None if they cannot be part of UTF-8."""
    whole = start + piece
    for pending in range(4):
        closed, opened = whole[: len(whole) - pending], whole[len(whole) - pending :]
        if opened == b"" or opened in OPEN_CHARACTERS:
            with suppress(UnicodeDecodeError):
                closed.decode("utf-8", errors="strict")
                return opened
    return None


PIECES = st.lists(
    st.binary(max_size=5)
    | st.text(max_size=3).map(str.encode)
    | st.tuples(st.text(max_size=3), st.integers(0, 3), st.integers(1, 9)).map(
        lambda cut: cut[0].encode()[cut[1] : cut[1] + cut[2]]
    )
    | st.none(),
    max_size=8,
)


def assert_follows_utf8(constraint: Utf8Constraint, token_id: int, piece: bytes | None) -> None:
    for state, start in enumerate(PENDING):
        pending = None if piece is None or (piece == b"" and state > 0) else continued(start, piece)
        assert bool(constraint.allowed[state, token_id]) == (pending is not None)
        if pending is not None:
            after = PENDING[int(constraint.following[state, token_id])]
            assert (after == b"") == (pending == b"")
            for byte in (b"\x7f", b"\x80", b"\x8f", b"\x90", b"\x9f", b"\xa0", b"\xbf", b"\xc2"):
                assert (continued(after, byte) is None) == (continued(pending, byte) is None)


def test_the_automaton_takes_every_single_byte_as_utf8_does() -> None:
    constraint = Utf8Constraint(list(SINGLE_BYTES), 256)
    assert constraint.allowed.shape == constraint.following.shape == (len(PENDING), 256)
    for byte, piece in enumerate(SINGLE_BYTES):
        assert_follows_utf8(constraint, byte, piece)


@settings(deadline=None)
@given(PIECES)
def test_the_automaton_takes_every_piece_as_utf8_does(pieces: list[bytes | None]) -> None:
    constraint = Utf8Constraint([*pieces, *SINGLE_BYTES], len(pieces) + 256)
    for token_id, piece in enumerate(pieces):
        assert_follows_utf8(constraint, token_id, piece)


@BOTH_KINDS
@settings(deadline=None)
@given(text=TEXT)
def test_every_text_is_an_allowed_walk_that_may_end(tokenizer: PreTrainedTokenizerFast, text: str) -> None:
    constraint = Utf8Constraint(token_bytes(tokenizer), len(tokenizer))
    assert walk(constraint, tokenizer.encode(text, add_special_tokens=False)) == 0


@BOTH_KINDS
@settings(deadline=None)
@given(choices=st.lists(st.integers(0, 10**9), max_size=30))
def test_every_allowed_walk_that_may_end_is_utf8(
    tokenizer: PreTrainedTokenizerFast, choices: list[int]
) -> None:
    pieces = token_bytes(tokenizer)
    constraint = Utf8Constraint(pieces, len(tokenizer))
    ids: list[int] = []
    complete, state = 0, 0
    for choice in choices:
        # Half of the choices are among the tokens that leave a character open, which are few.
        opening = (constraint.allowed[state] & (constraint.following[state] > 0)).nonzero()[:, 0]
        possible = opening if choice % 2 and len(opening) else constraint.allowed[state].nonzero()[:, 0]
        ids.append(int(possible[choice // 2 % len(possible)]))
        state = int(constraint.following[state, ids[-1]])
        complete = len(ids) if state == 0 else complete
    text = joined(pieces, ids[:complete]).decode("utf-8", errors="strict")
    assert tokenizer.decode(ids[:complete]) in (text, text.removeprefix(" "))
    assert "\ufffd" not in text


def test_what_has_no_piece_is_never_allowed() -> None:
    constraint = Utf8Constraint([b"a", None, b"\xff", "é".encode()], vocabulary=6)
    assert constraint.allowed[0].tolist() == [True, False, False, True, False, False]
    assert not constraint.allowed[1:].any()
    assert constraint.following.dtype == torch.uint8


def test_pieces_past_the_width_of_the_logits_are_out_of_reach() -> None:
    constraint = Utf8Constraint([b"a", b"b", b"c"], vocabulary=2)
    assert constraint.allowed[0].tolist() == [True, True]


def test_a_character_that_no_token_could_complete_is_not_begun() -> None:
    three_bytes = Utf8Constraint([b"a", b"\xe3", b"\x81\x82"], vocabulary=3)
    assert three_bytes.allowed[0].tolist() == [True, True, False]
    two_of_three = Utf8Constraint([b"a", b"\xe3", b"\xe3\x81", b"\x81"[:0]], vocabulary=4)
    assert two_of_three.allowed[0].tolist() == [True, False, False, True]
    surrogate = Utf8Constraint([b"a", b"\xed", b"\xa0\x80"], vocabulary=3)
    assert surrogate.allowed[0].tolist() == [True, False, False]


def test_a_token_without_bytes_may_not_part_a_character() -> None:
    constraint = Utf8Constraint([b"", *SINGLE_BYTES], vocabulary=257)
    assert constraint.allowed[:, 0].tolist() == [True] + [False] * 7


def test_without_any_piece_nothing_is_allowed() -> None:
    assert not Utf8Constraint([None], vocabulary=3).allowed.any()
