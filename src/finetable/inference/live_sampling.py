"""The next token of many asks at once: limits and biases per ask, draws together where asks agree."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from finetable.inference.live_request import Ask, TokenScore
from finetable.inference.live_text import Spelling
from finetable.inference.sampling import sample, uniforms


class Tilt:
    """What an ask adds to its logits, float32 (V,): its biases, less the penalties of what it has written."""

    def __init__(self, ask: Ask, vocabulary: int) -> None:
        self._ask = ask
        self._counts: Counter[int] = Counter()
        self._penalised = bool(ask.frequency_penalty or ask.presence_penalty)
        self.added: Tensor | None = None
        if self._penalised or ask.logit_bias:
            self.added = torch.zeros(vocabulary)
            for token, bias in ask.logit_bias.items():
                self.added[token] = bias

    def count(self, token: int) -> None:
        """Take note of a token written."""
        if self._penalised and self.added is not None:
            ask = self._ask
            self._counts[token] += 1
            penalty = ask.frequency_penalty * self._counts[token] + ask.presence_penalty
            self.added[token] = ask.logit_bias.get(token, 0.0) - penalty


@dataclass(frozen=True)
class Turn:
    """An ask whose next token is due: its place in the characters' grammar, and its tokens so far."""

    ask: Ask
    tilt: Tilt
    state: int
    step: int


class Drawing:
    """Draws for one base; holds which tokens may not come, by state of the text."""

    def __init__(self, spelling: Spelling, ends: Sequence[int], device: torch.device) -> None:
        allowed = spelling.allowed.clone()
        allowed[0, list(ends)] = True
        self._spelling = spelling
        self._blocked = (~allowed).to(device)

    def draw(self, logits: Tensor, turns: Sequence[Turn]) -> tuple[list[int], list[TokenScore | None]]:
        """A token for each turn from logits (B, V), and its score where asked for."""
        logits = logits.float()
        chosen = self._chosen(self._tilted(logits, turns), turns)
        scores: list[TokenScore | None] = [None] * len(turns)
        scored = [place for place, turn in enumerate(turns) if turn.ask.logprobs is not None]
        if scored:
            tops = [turns[place].ask.logprobs or 0 for place in scored]
            nats = logits[scored].log_softmax(dim=-1)
            for place, score in zip(
                scored,
                token_scores(self._spelling, nats, [chosen[place] for place in scored], tops),
                strict=True,
            ):
                scores[place] = score
        return chosen, scores

    def _tilted(self, logits: Tensor, turns: Sequence[Turn]) -> Tensor:
        states = [turn.state for turn in turns]
        blocked = self._blocked[states] if any(states) else self._blocked[0]
        logits = logits.masked_fill(blocked, float("-inf"))
        tilts = [(place, turn.tilt.added) for place, turn in enumerate(turns) if turn.tilt.added is not None]
        if tilts:
            added = torch.stack([added for _, added in tilts]).to(logits.device)
            logits[[place for place, _ in tilts]] += added
        return logits

    def _chosen(self, logits: Tensor, turns: Sequence[Turn]) -> list[int]:
        alike: dict[tuple[float, int, float], list[int]] = {}
        for place, turn in enumerate(turns):
            limits = (turn.ask.temperature, turn.ask.top_k, turn.ask.top_p)
            alike.setdefault(limits if limits[0] else (0.0, 0, 1.0), []).append(place)
        uniform = _uniform(turns).to(logits.device)
        chosen = [0] * len(turns)
        for (temperature, top_k, top_p), places in alike.items():
            whole = len(places) == len(turns)
            rows, numbers = (logits, uniform) if whole else (logits[places], uniform[places])
            tokens: list[int] = sample(rows, numbers, temperature, top_k, top_p).tolist()
            for place, token in zip(places, tokens, strict=True):
                chosen[place] = token
        return chosen


def token_scores(
    spelling: Spelling, nats: Tensor, chosen: Sequence[int], tops: Sequence[int]
) -> list[TokenScore]:
    """Scores of a token of each row of log-probabilities (B, V), each with so many of the likeliest."""
    own = nats.gather(1, torch.tensor(chosen, device=nats.device).unsqueeze(1))[:, 0].tolist()
    best, ids = (found.tolist() for found in nats.topk(min(max(tops, default=0), nats.shape[1]), dim=1))
    return [
        TokenScore(
            token,
            spelling.name_of(token),
            own[row],
            tuple(
                (other, spelling.name_of(other), logprob)
                for other, logprob in zip(ids[row][:top], best[row][:top], strict=True)
            ),
        )
        for row, (token, top) in enumerate(zip(chosen, tops, strict=True))
    ]


def _uniform(turns: Sequence[Turn]) -> Tensor:
    if not any(turn.ask.temperature for turn in turns):
        return torch.zeros(len(turns), dtype=torch.float64)
    return uniforms(
        [turn.ask.seed for turn in turns],
        torch.zeros(len(turns), dtype=torch.int64),
        torch.tensor([turn.ask.draw for turn in turns]),
        torch.tensor([turn.step for turn in turns]),
    )
