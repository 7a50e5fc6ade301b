"""The shipped base learns the words of a table: merges of its tokens that the table's texts have often."""

import heapq
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice, pairwise

import torch
from tokenizers import Tokenizer, normalizers
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from finetable.models.base_model import embedding_of
from finetable.models.scratch import CHARACTERS_PER_TOKEN, finished_tokenizer

MOST_MERGES = 1_500
FEWEST_MET = 10
"""Times a new token is met in the texts at least: from fewer it would not be learnt."""

MOST_CHARACTERS = 5_000_000
"""Characters of a table that are counted, from texts spread evenly over it: common words are soon common."""

Pair = tuple[str, str]


def with_own_words(
    tokenizer: PreTrainedTokenizerFast, texts: Callable[[], Iterable[str]], fold_case: bool
) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer that has learnt more merges, from texts, after those it has.

    Whatever it could spell it still can. `texts` is called twice: to count characters and to learn from;
    with `fold_case` they are read, and come back, in small letters.
    """
    bpe = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    if fold_case:
        bpe.normalizer = normalizers.Lowercase()
    characters = sum(len(text) for text in texts())
    chosen = islice(texts(), 0, None, -(-characters // MOST_CHARACTERS) or 1)
    most = min(MOST_MERGES, characters // CHARACTERS_PER_TOKEN)
    merges = learn_merges(_words(bpe, chosen), most, FEWEST_MET)
    state = json.loads(bpe.to_str())
    vocabulary = state["model"]["vocab"]
    for pair in merges:
        vocabulary.setdefault("".join(pair), len(vocabulary))
        state["model"]["merges"].append(list(pair))
    return finished_tokenizer(Tokenizer.from_str(json.dumps(state)))


def learn_merges(words: Mapping[Sequence[str], int], most: int, fewest: int) -> list[Pair]:
    """The pairs of neighbouring tokens to merge, one after the other, in words that are met so often each.

    Always the pair that is met most often, of equals the first one in order (Sennrich et al. 2016, section
    3.2); none that is met less than `fewest` times.
    """
    table = _Pairs(words)
    merges: list[Pair] = []
    while len(merges) < most and (pair := table.commonest(fewest)) is not None:
        table.merge(pair)
        merges.append(pair)
    return merges


def give_rows(network: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, known: int) -> None:
    """Give each token after the first `known` ones a row of the network's tied embedding: its parts' mean."""
    if len(tokenizer) > embedding_of(network).num_embeddings:
        network.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    model = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    # Of several merges to one token the first, whose parts are older than the token.
    parts = {model["vocab"][left + right]: (left, right) for left, right in reversed(model["merges"])}
    rows = embedding_of(network).weight
    with torch.no_grad():
        # In order, as the parts of one may be new themselves.
        for new in range(known, len(tokenizer)):
            left, right = (model["vocab"][part] for part in parts[new])
            rows[new] = (rows[left] + rows[right]) / 2


def _words(bpe: Tokenizer, texts: Iterable[str]) -> dict[Sequence[str], int]:
    """What texts are cut into before merging, as the tokens that each is now, and how often it is met."""
    met: Counter[str] = Counter()
    for text in texts:
        folded = bpe.normalizer.normalize_str(text) if bpe.normalizer is not None else text
        met.update(piece for piece, _ in bpe.pre_tokenizer.pre_tokenize_str(folded))
    words: Counter[Sequence[str]] = Counter()
    for piece, times in met.items():
        words[tuple(token.value for token in bpe.model.tokenize(piece))] += times
    return words


class _Pairs:
    """How often each pair of neighbouring tokens is met, kept up to date while pairs are merged."""

    def __init__(self, words: Mapping[Sequence[str], int]) -> None:
        self._words = [(list(tokens), times) for tokens, times in words.items()]
        self._met: Counter[Pair] = Counter()
        self._places: defaultdict[Pair, set[int]] = defaultdict(set)
        for place in range(len(self._words)):
            self._count(place, 1)
        # Counts change after they went in: what comes out is looked up again.
        self._queue = [(-times, pair) for pair, times in self._met.items()]
        heapq.heapify(self._queue)

    def commonest(self, fewest: int) -> Pair | None:
        """The pair to merge next; None where none is met `fewest` times."""
        while self._queue:
            times, pair = heapq.heappop(self._queue)
            now = self._met[pair]
            if now == -times and now >= fewest:
                return pair
            if fewest <= now < -times:
                heapq.heappush(self._queue, (-now, pair))
        return None

    def merge(self, pair: Pair) -> None:
        """Merge a pair wherever it stands, from left to right."""
        changed: set[Pair] = set()
        for place in sorted(self._places[pair]):
            tokens, times = self._words[place]
            self._count(place, -1)
            self._words[place] = (list(_merged(tokens, pair)), times)
            changed |= self._count(place, 1)
        for each in changed:
            heapq.heappush(self._queue, (-self._met[each], each))

    def _count(self, place: int, sign: int) -> set[Pair]:
        tokens, times = self._words[place]
        pairs = list(pairwise(tokens))
        for pair in pairs:
            self._met[pair] += sign * times
            if sign > 0:
                self._places[pair].add(place)
            else:
                self._places[pair].discard(place)
        return set(pairs)


def _merged(tokens: Sequence[str], pair: Pair) -> Iterator[str]:
    place = 0
    while place < len(tokens):
        here = tuple(tokens[place : place + 2]) == pair
        yield "".join(pair) if here else tokens[place]
        place += 2 if here else 1
