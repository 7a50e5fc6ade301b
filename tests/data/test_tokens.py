from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from finetable.data import tokens
from finetable.data.examples import Example
from finetable.data.tokens import IGNORED, Encoder, SpecialTokens, TokenizedRows, tokenize
from finetable.errors import ModelFolderError
from finetable.models.base_model import END, PAD, SEPARATOR, START, special_tokens_of
from finetable.models.scratch import train_tokenizer

LEARNT = ["the old man and the river", "Ein alter Mann, ein Fluß", "the river and the old dog"] * 30
TOKENIZER = train_tokenizer(lambda: LEARNT, "tiny")
SPECIAL = special_tokens_of(TOKENIZER)
ENCODER = Encoder(TOKENIZER.backend_tokenizer, SPECIAL)
SPECIAL_IDS = {SPECIAL.start, SPECIAL.separator, SPECIAL.end, SPECIAL.pad}

SPELLINGS = st.sampled_from([START, SEPARATOR, END, PAD, END + END, "<|endof", "text|>"])
TEXT = st.lists(st.text(max_size=8) | SPELLINGS | st.sampled_from(LEARNT), max_size=5).map("".join)
EXAMPLES = st.lists(st.builds(Example, st.integers(0, 2**62), st.none() | TEXT, TEXT), min_size=1, max_size=6)


def rows_of(*examples: Example) -> TokenizedRows:
    """The slow way: one example after the other, in memory."""
    parts = [
        (ENCODER.prompts([example.prompt])[0], ENCODER.answers([example.answer])[0]) for example in examples
    ]
    return TokenizedRows(
        np.array([i for prompt, answer in parts for i in prompt + answer], np.uint32),
        np.cumsum([0, *(len(prompt) + len(answer) for prompt, answer in parts)]),
        np.array([len(prompt) for prompt, _ in parts]),
        np.array([example.row_id for example in examples]),
    )


def by_length(prompt: int | None, answer: int, row_id: int = 0) -> Example:
    """An example whose prompt and answer have so many tokens beside the special ones."""
    text = ".,;:!?"
    assert [len(ids) for ids in ENCODER.answers([text])] == [len(text) + 1]
    make = [text[n % len(text)] for n in range(20)]
    return Example(row_id, None if prompt is None else "".join(make[:prompt]), "".join(make[:answer]))


def answer_of(rows: TokenizedRows, index: int) -> list[int]:
    return [int(i) for i in rows.row(index)[int(rows.answer_starts[index]) :]]


@settings(deadline=None)
@given(TEXT)
def test_any_text_survives_as_answer_prompt_and_prefix(text: str) -> None:
    [answer], [prompt], prefix = ENCODER.answers([text]), ENCODER.prompts([text]), ENCODER.prefix(text)
    assert answer == [*prefix, SPECIAL.end]
    assert prompt == [SPECIAL.start, *prefix, SPECIAL.separator]
    assert ENCODER.decode(prefix) == text
    assert not set(prefix) & SPECIAL_IDS


@pytest.mark.parametrize("spelling", [START, SEPARATOR, END, PAD])
def test_a_special_token_spelled_in_a_text_is_text(spelling: str) -> None:
    [answer] = ENCODER.answers([f"to be {spelling}, or not"])
    assert answer.count(SPECIAL.end) == 1
    assert not set(answer[:-1]) & SPECIAL_IDS
    assert ENCODER.decode(answer[:-1]) == f"to be {spelling}, or not"


def test_the_tokenizer_of_the_model_folder_still_reads_special_tokens() -> None:
    """Else a user of plain transformers could not prompt the model; the encoder works on a copy."""
    assert TOKENIZER.encode(END, add_special_tokens=False) == [SPECIAL.end]
    assert SPECIAL.end not in ENCODER.prefix(END)


def test_neither_padding_nor_truncation_of_the_tokenizer_reaches_the_rows() -> None:
    backend = Tokenizer.from_str(TOKENIZER.backend_tokenizer.to_str())
    backend.enable_truncation(2)
    backend.enable_padding(length=50)
    assert Encoder(backend, SPECIAL).answers(LEARNT[:2]) == ENCODER.answers(LEARNT[:2])


def test_without_given_columns_the_answer_follows_the_start_token() -> None:
    assert ENCODER.prompts([None, ""]) == [[SPECIAL.start], [SPECIAL.start, SPECIAL.separator]]
    without = SpecialTokens(start=0, separator=None, end=2, pad=3)
    assert Encoder(TOKENIZER.backend_tokenizer, without).prompts([None]) == [[0]]


@settings(deadline=None)
@given(TEXT, st.integers(2, 12))
def test_a_long_prompt_loses_the_end_of_its_text_and_keeps_its_separator(text: str, most: int) -> None:
    [whole], [cut] = ENCODER.prompts([text]), ENCODER.prompts([text], most)
    assert len(cut) == min(most, len(whole))
    assert cut == [*whole[:-1][: most - 1], SPECIAL.separator]


def test_pieces_are_the_spelling_of_the_vocabulary() -> None:
    assert ENCODER.pieces([SPECIAL.start, *ENCODER.prefix("!"), SPECIAL.end]) == [START, "!", END]


def test_pad_may_not_be_the_end_token() -> None:
    with pytest.raises(AssertionError, match="masked"):
        SpecialTokens(start=0, separator=None, end=1, pad=1)


@settings(deadline=None, max_examples=50)
@given(examples=EXAMPLES, at_once=st.integers(1, 4))
def test_tokenizing_into_a_file_is_the_slow_way_piece_by_piece(
    examples: list[Example], at_once: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("tokens") / "ids"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokens, "ENCODED_AT_ONCE", at_once)
        found = tokenize(iter(examples), ENCODER, file)
    wanted = rows_of(*examples)
    assert len(found) == len(examples)
    for mine, theirs in zip(vars(found).values(), vars(wanted).values(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert isinstance(found.ids, np.memmap)
    assert file.read_bytes() == wanted.ids.tobytes()
    assert (found.lengths == [len(wanted.row(index)) for index in range(len(wanted))]).all()
    assert (found.answer_lengths == [len(answer_of(wanted, index)) for index in range(len(wanted))]).all()


def test_no_examples_are_no_rows(tmp_path: Path) -> None:
    rows = tokenize([], ENCODER, tmp_path / "ids")
    assert len(rows) == len(rows.lengths) == len(rows.answer_lengths) == len(rows.cut(5, True)) == 0


def test_a_file_that_is_there_already_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "ids").write_text("mine")
    with pytest.raises(ModelFolderError, match="File exists"):
        tokenize([Example(0, None, "a")], ENCODER, tmp_path / "ids")
    assert (tmp_path / "ids").read_text() == "mine"


@settings(deadline=None)
@given(EXAMPLES, st.data())
def test_targets_are_the_answer_and_its_end_token_and_nothing_else(
    examples: list[Example], data: st.DataObject
) -> None:
    rows = rows_of(*examples)
    indices = data.draw(st.permutations(range(len(rows))))[: data.draw(st.integers(1, len(rows)))]
    longest = max(int(rows.lengths[i]) for i in indices)
    width = data.draw(st.sampled_from([None, longest, longest + 3]))
    ids, targets = rows.batch(indices, SPECIAL.pad, width)
    assert ids.shape == targets.shape == (len(indices), width or longest)
    for place, index in enumerate(indices):
        whole = [int(i) for i in rows.row(index)]
        padding = [SPECIAL.pad] * (ids.shape[1] - len(whole))
        assert ids[place].tolist() == whole + padding
        following = ids[place, 1:].tolist()
        learnt = [
            (found, target)
            for found, target in zip(following, targets[place].tolist(), strict=False)
            if target != IGNORED
        ]
        assert [target for _, target in learnt] == ENCODER.answers([examples[index].answer])[0]
        assert all(found == target for found, target in learnt)
        first = int(rows.answer_starts[index]) - 1
        assert (targets[place, first : first + len(learnt)] != IGNORED).all()


@settings(deadline=None)
@given(st.permutations(range(5)), st.integers(0, 5))
def test_selected_rows_are_the_rows_named_in_that_order(order: Sequence[int], count: int) -> None:
    rows = rows_of(*(by_length(n, 5 - n, row_id=10 + n) for n in range(5)))
    chosen = np.array(order[:count], np.int64)
    found = rows.select(chosen)
    assert found.row_ids.tolist() == [10 + n for n in chosen]
    assert [found.row(i).tolist() for i in range(count)] == [rows.row(int(i)).tolist() for i in chosen]
    assert [answer_of(found, i) for i in range(count)] == [answer_of(rows, int(i)) for i in chosen]


PROMPT_LENGTH = st.none() | st.integers(0, 12)


@settings(deadline=None)
@given(PROMPT_LENGTH, st.integers(0, 12), st.integers(3, 30), st.booleans())
def test_cut_rows_fit_and_lose_as_little_as_they_must(
    prompt: int | None, answer: int, context: int, keep_answer: bool
) -> None:
    rows = rows_of(by_length(prompt, answer, row_id=7))
    whole, start = rows.row(0).tolist(), int(rows.answer_starts[0])
    cut = rows.cut(context, keep_answer)
    kept, kept_start = cut.row(0).tolist(), int(cut.answer_starts[0])
    assert len(kept) == min(len(whole), context)
    assert cut.row_ids.tolist() == [7]
    assert 1 <= cut.answer_lengths[0] <= rows.answer_lengths[0]
    assert kept[kept_start:] == whole[start : start + len(kept) - kept_start]
    fewest = 1 if prompt is None else 2
    if keep_answer:
        assert kept_start == max(fewest, min(start, context - len(whole) + start))
    else:
        assert kept_start == max(fewest, min(start, context - 1))
    if prompt is None:
        assert kept[:kept_start] == [SPECIAL.start]
    else:
        assert kept[:kept_start] == [*whole[: kept_start - 1], SPECIAL.separator]


def test_cutting_rows_of_many_lengths_leaves_short_ones_alone() -> None:
    examples = [by_length(n, 9 - n, row_id=n) for n in range(10)] + [by_length(2, 2, row_id=10)]
    rows = rows_of(*examples)
    for keep_answer in (True, False):
        cut = rows.cut(8, keep_answer)
        assert cut.lengths.tolist() == [8] * 10 + [7]
        assert cut.row(10).tolist() == rows.row(10).tolist()
        for index in range(11):
            alone = rows.select(np.array([index])).cut(8, keep_answer)
            assert cut.row(index).tolist() == alone.row(0).tolist()
            assert cut.answer_starts[index] == alone.answer_starts[0]
    assert rows.lengths.tolist() == [12] * 10 + [7]


def test_an_answer_that_was_cut_does_not_teach_to_stop() -> None:
    cut = rows_of(by_length(3, 9)).cut(8, keep_answer=False)
    assert SPECIAL.end not in cut.batch([0], SPECIAL.pad)[1]
