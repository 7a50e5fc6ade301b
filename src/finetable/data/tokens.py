"""Examples become token ids; the only place that encodes a prompt or an answer."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from finetable.atomic_files import disk_faults
from finetable.data.examples import Example

IGNORED = -100
"""Target of a position that carries no loss."""

ENCODED_AT_ONCE = 2048


@dataclass(frozen=True)
class SpecialTokens:
    """Ids that no text can produce. `separator` is None where no column is given."""

    start: int
    separator: int | None
    end: int
    pad: int

    def __post_init__(self) -> None:
        assert self.pad != self.end, "pad must not be the end token: its loss would be masked"


class Encoder:
    """Text to ids and back, with the special tokens placed around prompt and answer."""

    def __init__(self, tokenizer: Tokenizer, special: SpecialTokens) -> None:
        # A copy, because the person's text must never be read as special tokens here, while the
        # tokenizer in the model folder has to read them for users of plain transformers.
        self._tokenizer = Tokenizer.from_str(tokenizer.to_str())
        self._tokenizer.encode_special_tokens = True
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self.special = special

    def prompts(self, prompts: Sequence[str | None], most: int | None = None) -> list[list[int]]:
        """Ids of each prompt: start, text, separator; the start token alone for None.

        A prompt of more than `most` tokens loses the end of its text; counting those is the caller's matter.
        """
        texts = self._encode([prompt or "" for prompt in prompts])
        room = None if most is None else max(0, most - 2)
        return [self._prompt(prompt, ids[:room]) for prompt, ids in zip(prompts, texts, strict=True)]

    def answers(self, answers: Sequence[str]) -> list[list[int]]:
        """Ids of each answer with its end token."""
        return [[*ids, self.special.end] for ids in self._encode(answers)]

    def prefix(self, text: str) -> list[int]:
        """Ids of the beginning of an answer."""
        return self._encode([text])[0] if text else []

    def plain(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text as it stands, with nothing around it."""
        return self._encode(texts)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of an answer's ids; the end token is not part of them."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=False))

    def pieces(self, ids: Sequence[int]) -> list[str]:
        """The tokens as they are spelled in the vocabulary."""
        return [str(self._tokenizer.id_to_token(i)) for i in ids]

    def _encode(self, texts: Sequence[str]) -> list[list[int]]:
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [encoding.ids for encoding in encodings]

    def _prompt(self, prompt: str | None, ids: list[int]) -> list[int]:
        if prompt is None:
            return [self.special.start]
        assert self.special.separator is not None
        return [self.special.start, *ids, self.special.separator]


@dataclass(frozen=True, eq=False)
class TokenizedRows:
    """Encoded examples, one after the other in a memory-mapped file.

    `ids` uint32 (tokens,); `starts` int64 (rows + 1,), where each row begins in `ids`; `answer_starts`
    int64 (rows,), offset of a row's first answer token from its own beginning; `row_ids` int64 (rows,).
    """

    ids: np.ndarray
    starts: np.ndarray
    answer_starts: np.ndarray
    row_ids: np.ndarray

    def __len__(self) -> int:
        return len(self.row_ids)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each row, int64 (rows,)."""
        return np.asarray(np.diff(self.starts))

    @property
    def answer_lengths(self) -> np.ndarray:
        """Answer tokens of each row with the end token, int64 (rows,)."""
        return np.asarray(self.lengths - self.answer_starts)

    def row(self, index: int) -> np.ndarray:
        """Ids of one row, int64 (tokens,)."""
        first, last = self.starts[index : index + 2].tolist()
        return np.array(self.ids[first:last], np.int64)

    def select(self, indices: np.ndarray) -> "TokenizedRows":
        """Some of the rows, held in memory."""
        kept = [self.row(int(i)) for i in indices]
        ids = np.concatenate(kept).astype(np.uint32) if kept else np.zeros(0, np.uint32)
        starts = np.cumsum([0, *(len(row) for row in kept)], dtype=np.int64)
        return TokenizedRows(ids, starts, self.answer_starts[indices], self.row_ids[indices])

    def cut(self, context: int, keep_answer: bool) -> "TokenizedRows":
        """Rows shortened to `context` tokens; whether that may happen is the caller's matter.

        With `keep_answer` the prompt loses what stands before its separator, else the answer loses its end
        (and with it the end token: the model must not learn to stop there). Each gives way to the other
        where it alone is too long: every row keeps a token of its answer, its start and its separator.
        """
        rows, answer_starts = [np.zeros(0, np.int64)], self.answer_starts.copy()
        for index in range(len(self)):
            row, start = self.row(index), int(answer_starts[index])
            over = len(row) - context if keep_answer else start + 1 - context
            lost = max(0, min(over, start - 2))
            row = np.delete(row, np.arange(start - 1 - lost, start - 1))
            answer_starts[index] -= lost
            rows.append(row[:context])
        starts = np.cumsum([len(row) for row in rows], dtype=np.int64)
        return TokenizedRows(np.concatenate(rows).astype(np.uint32), starts, answer_starts, self.row_ids)

    def batch(
        self, indices: Sequence[int], pad: int, width: int | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Ids and targets, both int64 (B, T), padded on the right to the longest row, or to `width` tokens.

        `targets[b, t]` is the token that follows position t where that is an answer token, else IGNORED.
        """
        shape = len(indices), width or int(max(self.starts[i + 1] - self.starts[i] for i in indices))
        ids = np.full(shape, pad, np.int64)
        targets = np.full(shape, IGNORED, np.int64)
        for place, index in enumerate(indices):
            row = self.row(index)
            first = int(self.answer_starts[index])
            ids[place, : len(row)] = row
            targets[place, first - 1 : len(row) - 1] = row[first:]
        return torch.from_numpy(ids), torch.from_numpy(targets)


def tokenize(examples: Iterable[Example], encoder: Encoder, file: Path) -> TokenizedRows:
    """Encode examples piece by piece into `file`, which is then memory-mapped."""
    starts, answer_starts, row_ids = [0], [], []
    with disk_faults(file), file.open("xb") as out:
        for piece in _pieces(examples):
            prompts = encoder.prompts([example.prompt for example in piece])
            answers = encoder.answers([example.answer for example in piece])
            for example, prompt, answer in zip(piece, prompts, answers, strict=True):
                out.write(np.array(prompt + answer, np.uint32).tobytes())
                starts.append(starts[-1] + len(prompt) + len(answer))
                answer_starts.append(len(prompt))
                row_ids.append(example.row_id)
    ids = np.memmap(file, np.uint32, mode="r") if starts[-1] else np.zeros(0, np.uint32)
    return TokenizedRows(
        ids, np.array(starts, np.int64), np.array(answer_starts, np.int64), np.array(row_ids, np.int64)
    )


def _pieces(examples: Iterable[Example]) -> Iterator[list[Example]]:
    source = iter(examples)
    while piece := list(islice(source, ENCODED_AT_ONCE)):
        yield piece
