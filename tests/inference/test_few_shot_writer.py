"""Prompted writers: how they predict, against whole texts through plain transformers, and what they write."""

from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from finetable.bench_settings import FewShotSettings
from finetable.errors import RecipeError
from finetable.inference import few_shot_writer
from finetable.inference.answerer import same_beginning
from finetable.inference.few_shot_writer import FewShotWriter
from finetable.models.base_model import BaseModel
from finetable.models.pretrained import load_pretrained
from finetable.settings import TaskSettings

TASK = TaskSettings(write="plot", given=("genre",))
GENRES = ("crime", "love", "horror", "love", "crime", "horror")
PLOTS = (
    "A thief sails home.",
    "Two friends,\none moon.",
    "Only one comes back.",
    "Un été à Paris",
    "The sea hides it.",
    "A ghost 🎬",
)
ASKED = ("love", "horror", "a long war")
REAL = ("They meet at the café.", "Nobody sleeps\nat sea.", "It ends.")


@pytest.fixture(scope="module")
def wide(wide_folder: Path) -> BaseModel:
    return load_pretrained(str(wide_folder), with_separator=False)


def writer_of(base: BaseModel, words: str, task: TaskSettings = TASK) -> FewShotWriter:
    prompts = GENRES if task.given else [""] * len(PLOTS)
    return FewShotWriter(FewShotSettings.parsed(f"m@{words}"), base, task, (prompts, PLOTS))


def slow_nats(base: BaseModel, prompt: str, text: str) -> float:
    """Of the whole text less of what it shares with its prompt, one text in one sequence."""
    before, whole = (base.encoder().plain([some])[0] for some in (prompt, f"{prompt} {text}\n\n"))
    with torch.inference_mode():
        logits = base.network(torch.tensor([whole]), use_cache=False).logits[0].double()
    each = [-float(row.log_softmax(dim=0)[token]) for row, token in zip(logits, whole[1:], strict=False)]
    return sum(each) - sum(each[: same_beginning([before, whole]) - 1])


@pytest.mark.parametrize("words", ["k=0", "k=3", "k=2,pick=nearest", "k=2,pick=nearest,by=embedding"])
def test_nats_are_those_of_the_whole_texts(
    wide: BaseModel, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = writer_of(wide, words)
    slow = [
        slow_nats(wide, writer.prompt_for(prompt), text) for prompt, text in zip(ASKED, REAL, strict=True)
    ]
    for at_once in (1, 2, 512):
        monkeypatch.setattr(few_shot_writer, "ROWS_AT_ONCE", at_once)
        found = writer.wrote(ASKED, REAL, 0)
        assert found.nats is not None
        assert np.allclose(found.nats, slow, atol=1e-3, rtol=1e-5)
        assert (found.notes, found.cost, found.texts) == ((), 0.0, ())


def test_nats_of_every_architecture(architecture: str, base_folder: Callable[[str], Path]) -> None:
    base = load_pretrained(str(base_folder(architecture)), with_separator=False)
    writer = FewShotWriter(FewShotSettings(model="m", k=1), base, TASK, (["war"], ["It is so."]))
    found = writer.wrote(["sea"], ["A film."], 0)
    assert found.nats is not None
    assert found.notes == ()
    assert found.nats[0] == pytest.approx(slow_nats(base, writer.prompt_for("sea"), "A film."), abs=1e-3)


def test_a_text_is_the_same_whatever_is_written_beside_it(wide: BaseModel) -> None:
    writer = writer_of(wide, "k=2,pick=nearest")
    many = writer.wrote(ASKED, REAL, 7).texts
    assert len(many) == 7
    assert len(set(many)) > 1
    assert writer.wrote(ASKED, REAL, 2).texts == many[:2]
    other = writer.wrote((ASKED[0], "space", ASKED[2]), REAL, 3).texts
    assert (other[0], other[2]) == (many[0], many[2])
    assert other[1] != many[1]


def test_a_text_ends_at_a_blank_line_and_what_does_not_end_is_counted(wide: BaseModel) -> None:
    base = wide
    ends = set(base.encoder().plain(["\n"])[0])
    head = base.network.get_output_embeddings()
    ahead = torch.zeros(head.weight.shape[0])

    def push(_: torch.nn.Module, __: tuple[torch.Tensor, ...], logits: torch.Tensor) -> torch.Tensor:
        return logits + ahead

    hook = head.register_forward_hook(push)
    try:
        ahead[list(ends)] = 1e4
        found = writer_of(base, "k=2").wrote(ASKED, REAL, 3)
        assert found.texts == ("", "", "")
        assert found.notes == ()
        ahead[:] = 0
        ahead[list(base.encoder().plain(["e"])[0])] = 1e4
        found = writer_of(base, "k=2").wrote(ASKED, REAL, 3)
        longest = max(map(len, base.encoder().plain([f" {text}\n\n" for text in PLOTS])))
        assert found.texts == ("e" * (longest * 5 // 4),) * 3
        assert found.notes == ("3 texts were written without coming to an end, and cut.",)
    finally:
        hook.remove()


def test_prompts_hold_training_rows_only(wide: BaseModel) -> None:
    prompt = writer_of(wide, "k=6").prompt_for(ASKED[0])
    first, *blocks, question = prompt.split("\n\n")
    assert first == "Write a plot for each genre."
    assert question == "love\nplot:"
    known = [f"{genre}\nplot: {plot}" for genre, plot in zip(GENRES, PLOTS, strict=True)]
    assert sorted(blocks) == sorted(known)
    nearest = writer_of(wide, "k=2,pick=nearest").prompt_for("love").split("\n\n")
    assert [block.partition("\n")[0] for block in nearest[1:]] == ["love"] * 3


def test_without_given_columns_only_texts_are_shown(wide: BaseModel) -> None:
    task = TaskSettings(write="plot")
    writer = writer_of(wide, "k=2", task)
    blocks = writer.prompt_for("").split("\n\n")
    assert blocks[0] == "Write a plot."
    assert {block.removeprefix("plot: ") for block in blocks[1:-1]} < set(PLOTS)
    assert blocks[-1] == "plot:"
    found = writer.wrote(["", ""], REAL[:2], 3)
    assert found.nats is not None
    assert np.allclose(
        found.nats, [slow_nats(wide, writer.prompt_for(""), text) for text in REAL[:2]], atol=1e-3
    )
    assert len(set(found.texts)) > 1


def test_what_finds_no_room_is_left_out_and_counted(wide: BaseModel) -> None:
    three = writer_of(wide, "k=3,pick=nearest").prompt_for("love")
    longest = max(map(len, wide.encoder().plain([f" {text}\n\n" for text in PLOTS]))) * 5 // 4
    room = longest + len(wide.encoder().plain([three])[0])
    asked = ["love", "war " * 60]
    real = ["It ends.\n\nTwice.", "So it is."]
    writer = writer_of(wide, f"k=6,pick=nearest,tokens={room}")
    found = writer.wrote(asked, real, 2)
    assert writer.prompt_for("love") == three
    assert writer_of(wide, f"k=6,pick=nearest,tokens={room - 1}").prompt_for("love") != three
    assert len(found.texts) == 2
    assert found.notes[:4] == (
        "3 examples were left out for want of room, the worst first, in the prompts of 1 row.",
        "1 row was too long even without examples, so texts were written behind the end alone.",
        f"1 text was longer with the prompt than {room} tokens, and read in pieces.",
        "A blank line ends a text here; 0 training texts and 1 test text hold one.",
    )


def test_a_text_longer_than_the_room_is_read_in_pieces(wide: BaseModel) -> None:
    room, half = 120, 60
    writer = writer_of(wide, f"k=0,tokens={room}")
    text = "sea and sail " * 30
    prompt = writer.prompt_for("love")
    before, ids = (wide.encoder().plain([some])[0] for some in (prompt, f"{prompt} {text}\n\n"))
    slow = 0.0
    for at in range(same_beginning([before, ids]), len(ids)):
        end_of_piece = room if at < room else room + half * ((at - room) // half + 1)
        seen = ids[max(0, min(end_of_piece, len(ids)) - room) : at]
        with torch.inference_mode():
            logits = wide.network(torch.tensor([seen]), use_cache=False).logits[0, -1].double()
        slow -= float(logits.log_softmax(dim=0)[ids[at]])
    found = writer.wrote(["love"], [text], 0)
    assert len(before) < half
    assert found.nats is not None
    assert found.nats[0] == pytest.approx(slow, rel=1e-4)
    assert found.notes == (f"1 text was longer with the prompt than {room} tokens, and read in pieces.",)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(16, 40))
def test_pieces_count_every_id_once_and_see_half_the_room(start: int, length: int, room: int) -> None:
    ids = range(start + length)
    pieces: list[tuple[Sequence[int], int]] = list(few_shot_writer._pieces(ids, start, room))
    assert list(chain.from_iterable(piece[first:] for piece, first in pieces)) == list(ids[start:])
    assert all(len(piece) <= room for piece, _ in pieces)
    assert all(first >= min(start, room // 2) for _, first in pieces)
    assert all(list(piece) == list(range(piece[0], piece[-1] + 1)) for piece, _ in pieces)


def test_too_few_tokens_are_refused(wide: BaseModel) -> None:
    with pytest.raises(RecipeError, match="15 tokens are too few"):
        writer_of(wide, "k=2,tokens=15")
