"""The asks in work together: who waits, who joins with a prompt, who writes, and who is done."""

import logging
from collections import deque
from collections.abc import Callable

from finetable.inference.lanes import bytes_of_place
from finetable.inference.live_lanes import LiveLanes
from finetable.inference.live_request import Ask, Piece, Ticket
from finetable.inference.live_sampling import Drawing, Tilt, Turn
from finetable.inference.live_text import LiveText, Spelling
from finetable.models.base_model import BaseModel, head_of

PROMPT_TOKENS = 256
"""Tokens of prompts that are taken between two steps of those who write, so that these do not stall long."""

log = logging.getLogger(__name__)

OnPiece = Callable[[Piece | Exception], None]


class Writing:
    """One ask under way: how many of its tokens the cache holds, and the one to come next."""

    def __init__(self, ask: Ask, on_piece: OnPiece, base: BaseModel, spelling: Spelling) -> None:
        self.ask = ask
        self.ticket = Ticket()
        self.most = min(ask.most_tokens, base.context - len(ask.ids) + 1)
        self.longest = len(ask.ids) + max(0, self.most - 1)
        self.text = LiveText(spelling, ask)
        self.tilt = Tilt(ask, head_of(base.network).weight.shape[0])
        self.position = 0
        self.next = ask.ids[-1]
        self._on_piece = on_piece

    @property
    def prompt_left(self) -> int:
        """Tokens that go in before the one from which the text is written."""
        return len(self.ask.ids) - 1 - self.position

    def tell(self, news: Piece | Exception) -> None:
        """Hand over what has come out; who fails to take it is let go like one who has left."""
        if self.ticket.cancelled:
            return
        try:
            self._on_piece(news)
        except BaseException:  # whatever it is, the engine's thread goes on for all the others
            log.exception("a piece of text could not be handed over")
            self.ticket.cancelled = True

    def turn(self) -> Turn:
        """What decides on the next token."""
        return Turn(self.ask, self.tilt, self.text.state, self.text.written)


class LiveBatch:
    """Writers stand in the first lanes of the cache without gaps, those who join right behind them."""

    def __init__(self, base: BaseModel, spelling: Spelling, most_lanes: int, most_bytes: int) -> None:
        self._head = head_of(base.network)
        self._ends = frozenset({base.special.end, base.tokenizer.eos_token_id} - {None})
        self._drawing = Drawing(spelling, sorted(self._ends), base.network.device)
        self._lanes = LiveLanes(base.network, base.context)
        self._most_lanes = most_lanes
        self._most_places = most_bytes // bytes_of_place(base.network)
        self._waiting: deque[Writing] = deque()
        self._joining: list[Writing] = []
        self._writing: list[Writing] = []

    def add(self, writing: Writing) -> None:
        """Take an ask; it waits for a place."""
        if writing.most <= 0:
            writing.tell(writing.text.end("length"))
        else:
            self._waiting.append(writing)

    @property
    def busy(self) -> bool:
        """Whether anything is to be done."""
        return bool(self._waiting or self._joining or self._writing)

    def step(self) -> None:
        """Take in some prompts, then write a token of everyone's text."""
        self._drop_cancelled()
        room = PROMPT_TOKENS
        while room > 0 and (self._joining or self._admit()):
            room -= self._take_prompts()
        if self._writing:
            self._write()
        if not self._writing and not self._joining:
            self._lanes.clear()

    def fail(self, fault: Exception) -> None:
        """Tell everyone that nothing more will come, and begin anew."""
        lost = [*self._writing, *self._joining, *self._waiting]
        self._writing, self._joining, self._waiting = [], [], deque()
        self._lanes.clear()
        for writing in lost:
            writing.tell(fault)

    def _admit(self) -> bool:
        """Let the first of those who wait join, several at once where their prompts are short."""
        while self._waiting:
            first = self._waiting[0]
            if not first.ticket.cancelled and not self._has_room(first):
                break
            self._waiting.popleft()
            if not first.ticket.cancelled:
                self._joining.append(first)
        return bool(self._joining)

    def _has_room(self, writing: Writing) -> bool:
        joining, everyone = self._joining, [*self._writing, *self._joining, writing]
        longest = max(each.prompt_left for each in [*joining, writing])
        if joining and (self._lanes.shifting or longest * (len(joining) + 1) > PROMPT_TOKENS):
            return False
        length = max(each.longest for each in everyone)
        most = min(self._most_lanes, max(1, self._most_places // self._lanes.rounded(length)))
        if len(everyone) > most:
            return False
        self._lanes.reserve(len(everyone), length, most)
        return True

    def _take_prompts(self) -> int:
        """Take up to PROMPT_TOKENS of each who joins; give how many went through the network."""
        joining, start = self._joining, self._joining[0].position
        longest = max(writing.prompt_left for writing in joining)
        taken = min(longest, PROMPT_TOKENS)
        if taken:
            rows = [list(each.ask.ids[start : min(start + taken, len(each.ask.ids) - 1)]) for each in joining]
            self._lanes.prefill(len(self._writing), rows, start)
            for writing, row in zip(joining, rows, strict=True):
                writing.position += len(row)
        if taken == longest:
            self._writing += joining
            self._joining = []
        return taken * len(joining)

    def _write(self) -> None:
        writing = self._writing
        hidden = self._lanes.step([each.next for each in writing], [each.position for each in writing])
        chosen, scores = self._drawing.draw(self._head(hidden), [each.turn() for each in writing])
        done = []
        for lane, (each, token, score) in enumerate(zip(writing, chosen, scores, strict=True)):
            each.position += 1
            each.next = token
            piece = each.text.end("stop") if token in self._ends else each.text.add(token, score)
            each.tilt.count(token)
            if (piece is None or piece.finish is None) and each.text.written >= each.most:
                piece = _joined(piece, each.text.end("length"))
            if piece is not None:
                each.tell(piece)
                if piece.finish is not None:
                    done.append(lane)
        for lane in reversed(done):
            self._leave(lane)

    def _drop_cancelled(self) -> None:
        self._waiting = deque(each for each in self._waiting if not each.ticket.cancelled)
        for lane in reversed(range(len(self._writing))):
            if self._writing[lane].ticket.cancelled:
                self._leave(lane)
        for place in reversed(range(len(self._joining))):
            if self._joining[place].ticket.cancelled:
                self._fill(self._joining, place, len(self._writing))

    def _leave(self, lane: int) -> None:
        """Close the gap of a writer with the last writer, and that one's with the last of those who join."""
        self._fill(self._writing, lane, 0)
        if self._joining:
            self._joining.insert(0, self._joining.pop())
            self._lanes.move(
                len(self._writing) + len(self._joining), len(self._writing), self._joining[0].position
            )

    def _fill(self, row: list[Writing], place: int, first: int) -> None:
        last = row.pop()
        if place < len(row):
            row[place] = last
            self._lanes.move(first + len(row), first + place, last.position)


def _joined(piece: Piece | None, last: Piece) -> Piece:
    if piece is None:
        return last
    return Piece(piece.text + last.text, piece.tokens + last.tokens, last.written, last.finish)
