"""Runs any causal language model with torch: writes in lanes, scores answers and labels."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from finetable.data.tokens import Encoder
from finetable.errors import UserError
from finetable.inference.engine import Request, Text, usual_most_tokens
from finetable.inference.label_scores import score_labels
from finetable.inference.lanes import Lanes, lanes_for
from finetable.inference.sampling import sample, uniforms
from finetable.inference.tail_scores import score_tails, windows
from finetable.inference.utf8 import Utf8Constraint, token_bytes
from finetable.models.base_model import BaseModel, head_of
from finetable.verb_settings import SamplingSettings

MOST_LANES = 64
BYTES_OF_LANES = 2**30
ROUND_LENGTH = 32
ENCODED_AT_ONCE = 1_000


@dataclass
class _Lane:
    """A row under way: ids to be fed, most ids to write, ids written, how many make whole characters."""

    request: Request
    prefix: list[int]
    pending: deque[int]
    most: int
    written: list[int] = field(default_factory=list)
    state: int = 0
    whole: int = 0


class TorchEngine:
    """One model in memory.

    `longest_prompt` and `longest_answer`, in tokens, are what the model was trained on; they size the
    lanes, so that the same row is computed in the same shapes whatever is asked for beside it.
    """

    def __init__(
        self, base: BaseModel, longest_prompt: int, longest_answer: int, most_lanes: int = MOST_LANES
    ) -> None:
        self._base = base
        self._network = base.network.eval()
        self._head = head_of(base.network)
        self._encoder: Encoder = base.encoder()
        self._longest_prompt = longest_prompt
        self._longest_answer = longest_answer
        self._most_lanes = most_lanes
        constraint = Utf8Constraint(token_bytes(base.tokenizer), self._head.weight.shape[0])
        self._forbidden = (~constraint.allowed).to(self._network.device)
        self._forbidden[0, base.special.end] = False
        self._following = constraint.following

    @torch.inference_mode()
    def stream(
        self, requests: Sequence[Request], sampling: SamplingSettings, batch_size: int
    ) -> Iterator[Text]:
        """Write every request's text; at most `batch_size` rows are in work together.

        A prompt that leaves no room for a token loses its end; `too_long` counts those. Row r always runs in
        lane r modulo the number of lanes, and its random numbers come from seed, row, draw and step, so its
        text does not depend on what else is asked for.
        """
        prompts = self._encoder.prompts([request.prompt for request in requests])
        prefixes = [self._encoder.prefix(request.prefix) for request in requests]
        starts = [
            _shortened(prompt, self._base.context - 1 - len(prefix)) + prefix
            for prompt, prefix in zip(prompts, prefixes, strict=True)
        ]
        most = self.most_tokens(sampling)
        length = self._cache_length(max(map(len, starts), default=0), most)
        lanes = lanes_for(self._network, length, self._most_lanes, BYTES_OF_LANES)
        waiting: list[deque[_Lane]] = [deque() for _ in range(lanes)]
        for request, prefix, start in zip(requests, prefixes, starts, strict=True):
            room = min(most, length - len(start) + 1)
            waiting[request.row % lanes].append(_Lane(request, prefix, deque(start), room))
        yield from self._run(Lanes(self._network, lanes, length), waiting, sampling, batch_size)

    def most_tokens(self, sampling: SamplingSettings) -> int:
        """Most tokens of a text: as asked, or the usual number."""
        return sampling.max_tokens or usual_most_tokens(self._longest_answer)

    def _cache_length(self, longest_start: int, most: int) -> int:
        wanted = max(self._longest_prompt, longest_start) + most
        context = self._base.context
        if longest_start >= context:
            raise UserError(
                f"The prefix is too long for a model that sees {context:,} tokens at once; shorten it."
            )
        return min(context, -(-wanted // ROUND_LENGTH) * ROUND_LENGTH)

    def _run(
        self, lanes: Lanes, waiting: list[deque[_Lane]], sampling: SamplingSettings, batch_size: int
    ) -> Iterator[Text]:
        active: dict[int, _Lane] = {}
        ids = torch.full((len(waiting),), self._base.special.pad, dtype=torch.int64)
        while active or any(waiting):
            self._fill(active, waiting, lanes, batch_size)
            for place, lane in active.items():
                ids[place] = lane.pending.popleft()
            hidden = lanes.step(ids.to(self._network.device))
            writing = [place for place, lane in active.items() if not lane.pending]
            if not writing:
                continue
            chosen = self._sample(self._head(hidden)[writing], [active[place] for place in writing], sampling)
            for place, token in zip(writing, chosen, strict=True):
                lane = active[place]
                ended = token == self._base.special.end
                if not ended:
                    self._append(lane, token)
                if ended or len(lane.written) >= lane.most:
                    yield Text(lane.request, self._text(lane), ended)
                    del active[place]

    def _text(self, lane: _Lane) -> str:
        # SentencePiece's decoders take the blank off the start of a text, so the prefix has to stand there.
        before = len(self._encoder.decode(lane.prefix))
        return self._encoder.decode(lane.prefix + lane.written[: lane.whole])[before:]

    def _append(self, lane: _Lane, token: int) -> None:
        lane.written.append(token)
        lane.pending.append(token)
        lane.state = int(self._following[lane.state, token])
        if lane.state == 0:
            lane.whole = len(lane.written)

    def _fill(
        self, active: dict[int, _Lane], waiting: list[deque[_Lane]], lanes: Lanes, batch_size: int
    ) -> None:
        for place, queue in enumerate(waiting):
            if len(active) >= batch_size:
                return
            if queue and place not in active:
                active[place] = queue.popleft()
                lanes.restart(place)

    def _sample(self, logits: torch.Tensor, lanes: list[_Lane], sampling: SamplingSettings) -> list[int]:
        states = [lane.state for lane in lanes]
        # Mostly every text is at the end of a character.
        forbidden = self._forbidden[states] if any(states) else self._forbidden[0]
        logits = logits.float().masked_fill_(forbidden, float("-inf"))
        uniform = uniforms(
            sampling.seed,
            torch.tensor([lane.request.row for lane in lanes]),
            torch.tensor([lane.request.draw for lane in lanes]),
            torch.tensor([len(lane.written) for lane in lanes]),
        )
        chosen = sample(
            logits, uniform.to(logits.device), sampling.temperature, sampling.top_k, sampling.top_p
        )
        return [int(token) for token in chosen]

    @torch.inference_mode()
    def score(self, prompts: Sequence[str | None], answers: Sequence[str], batch_size: int) -> np.ndarray:
        """Log-probability in nats of each prompt's own answer with its end token, float64 (N,).

        What is longer than the context is read in windows, each half a context further.
        """
        rows, starts, owners = self._windows(prompts, answers)
        scores = score_tails(self._base, rows, starts, batch_size)
        return np.bincount(owners, scores, minlength=len(answers))

    def _windows(
        self, prompts: Sequence[str | None], answers: Sequence[str]
    ) -> tuple[list[np.ndarray], list[int], list[int]]:
        """Ids of each window, where in it what is new of an answer begins, and whose answer it is."""
        rows: list[np.ndarray] = []
        starts: list[int] = []
        owners: list[int] = []
        for first in range(0, len(answers), ENCODED_AT_ONCE):
            piece = slice(first, first + ENCODED_AT_ONCE)
            heads, tails = self._encoder.prompts(prompts[piece]), self._encoder.answers(answers[piece])
            for owner, (head, tail) in enumerate(zip(heads, tails, strict=True), first):
                ids = np.array(head + tail, dtype=np.int32)
                for begin, new, end in windows(len(ids), len(head), self._base.context):
                    rows.append(ids[begin:end])
                    starts.append(new - begin)
                    owners.append(owner)
        return rows, starts, owners

    @torch.inference_mode()
    def score_labels(
        self, prompts: Sequence[str | None], labels: Sequence[str], batch_size: int
    ) -> np.ndarray:
        """Log-probability in nats of every label after every prompt, float64 (N, K)."""
        answers = self._encoder.answers(labels)
        room = self._base.context - max(map(len, answers))
        return score_labels(self._base, self._encoder.prompts(prompts, room), answers, batch_size)

    def too_long(self, prompts: Sequence[str | None], answers: Sequence[str]) -> list[int]:
        """Places of prompts that leave no room for the longest of the answers: their end is not read."""
        room = self._base.context - max(map(len, self._encoder.answers(answers)))
        return [
            first + place
            for first in range(0, len(prompts), ENCODED_AT_ONCE)
            for place, ids in enumerate(self._encoder.prompts(prompts[first : first + ENCODED_AT_ONCE]))
            if len(ids) > room
        ]


def _shortened(prompt: list[int], room: int) -> list[int]:
    """A prompt without the end of its text where it has more ids than there is room for."""
    lost = min(len(prompt) - room, len(prompt) - 2)
    return prompt if lost <= 0 else prompt[: -1 - lost] + prompt[-1:]
