"""Log-probabilities of every label after every prompt: the prompt once, then the tree of label tokens."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn
from torch.nn.functional import log_softmax

from finetable.inference.label_trie import LabelTrie
from finetable.models.base_model import BaseModel, head_of, last_hidden_masked, window_of

MASK_AT_ONCE = 16_000_000
"""Entries of the mask that exist together; it limits how many rows go in one batch."""

LOGITS_AT_ONCE, LOGITS_IN_CACHE = 16_000_000, 2_000_000
"""Entries that one product makes, and entries that are normalised together."""

WIDTH_STEP = 16
TOKENS_AT_ONCE = {"cpu": 512, "cuda": 16_384}
"""Tokens of a batch in fixed shapes: what a layer makes of them stays in a processor's cache. A GPU, on which
this was not measured, is given more at once."""


def score_labels(
    base: BaseModel, prompts: Sequence[list[int]], labels: Sequence[list[int]], batch_size: int
) -> np.ndarray:
    """Log-probability in nats of each label's tokens after each prompt, float64 (prompts, labels).

    The tree's inner nodes follow the prompt in one sequence; a mask lets each see the prompt and its
    own ancestors only, and positions count from the prompt's end (tree attention as in Miao et al. 2024,
    SpecInfer, section 4.2). Prompts of like length share a batch.
    """
    trie = LabelTrie.build(labels)
    order = np.argsort([len(prompt) for prompt in prompts], kind="stable")
    scores = np.zeros((len(prompts), len(labels)))
    longest = max(map(len, prompts), default=0) + len(trie.tokens)
    window = window_of(base.network)
    windowed = window is not None and window < longest
    rows = max(1, min(batch_size, MASK_AT_ONCE // longest**2))
    for first in range(0, len(order), rows):
        places = order[first : first + rows]
        some = [prompts[i] for i in places]
        scores[places] = _one_by_one(base, some, labels) if windowed else _score_tree(base, some, trie)[0]
    return scores


def score_labels_in_fixed_shapes(
    base: BaseModel, prompts: Sequence[list[int]], labels: Sequence[list[int]]
) -> tuple[np.ndarray, np.ndarray]:
    """As `score_labels`, but what a prompt gets is the same to the last bit whatever is asked beside it.

    Narrow products of another shape round otherwise, so prompts are padded to a multiple of WIDTH_STEP, and
    a batch always has the number of rows that belongs to its width; what no prompt takes is filled up.
    Gives the scores, float64 (prompts, labels), and the largest absolute logit of any label's token after
    each prompt, float64 (prompts,).
    """
    trie = LabelTrie.build(labels)
    widths = np.array([-(-len(prompt) // WIDTH_STEP) * WIDTH_STEP for prompt in prompts], dtype=np.int64)
    scores, largest = np.zeros((len(prompts), len(labels))), np.zeros(len(prompts))
    at_once = TOKENS_AT_ONCE.get(base.network.device.type, TOKENS_AT_ONCE["cuda"])
    for width in np.unique(widths).tolist():
        places = np.flatnonzero(widths == width)
        rows = max(1, at_once // (width + len(trie.tokens)))
        for first in range(0, len(places), rows):
            chosen = places[first : first + rows]
            filled = np.resize(chosen, rows)
            found, sizes = _score_tree(base, [prompts[i] for i in filled], trie, width)
            scores[chosen], largest[chosen] = found[: len(chosen)], sizes[: len(chosen)]
    return scores, largest


def _score_tree(
    base: BaseModel, prompts: list[list[int]], trie: LabelTrie, width: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Scores of labels after prompts that are padded to `width`, or to the longest; and largest logits."""
    lengths = torch.tensor([len(prompt) for prompt in prompts])  # (B,)
    longest, nodes = width or int(lengths.max()), len(trie.tokens)
    ids = torch.full((len(prompts), longest + nodes), base.special.pad)
    for place, prompt in enumerate(prompts):
        ids[place, : len(prompt)] = torch.tensor(prompt)
    ids[:, longest:] = trie.tokens
    # Beyond the context stands nothing but padding.
    positions = torch.arange(longest + nodes).clamp(max=base.context - 1).repeat(len(prompts), 1)
    positions[:, longest:] = lengths.unsqueeze(1) + trie.depths - 1
    device = base.network.device
    hidden = last_hidden_masked(
        base.network, ids.to(device), positions.to(device), _seen(lengths, longest, trie).to(device), None
    )
    ends = (lengths - 1).unsqueeze(1)
    columns = torch.cat([ends, torch.arange(longest, longest + nodes).repeat(len(prompts), 1)], dim=1)
    slots = hidden[torch.arange(len(prompts)).unsqueeze(1), columns.to(device)]  # (B, 1 + nodes, D)
    return _edge_scores(base, slots, trie)


def _seen(lengths: torch.Tensor, longest: int, trie: LabelTrie) -> torch.Tensor:
    """What sees what, bool (B, T, T): prompts causally, nodes their prompt and their ancestors."""
    total = longest + len(trie.tokens)
    seen = torch.ones(total, total, dtype=torch.bool).tril().repeat(len(lengths), 1, 1)
    seen[:, longest:, :longest] = (torch.arange(longest) < lengths.unsqueeze(1)).unsqueeze(1)
    seen[:, longest:, longest:] = trie.ancestors
    return seen


def _edge_scores(base: BaseModel, slots: torch.Tensor, trie: LabelTrie) -> tuple[np.ndarray, np.ndarray]:
    """Sums of the log-probabilities along each label's edges, float64 (B, K), from hidden states (B, S, D).

    And the largest absolute logit of an edge, float64 (B,).
    """
    head = head_of(base.network)
    each = head.weight.shape[0] * slots.shape[1]
    rows, few = max(1, LOGITS_AT_ONCE // each), max(1, LOGITS_IN_CACHE // each)
    pieces, largest = [], []
    for piece in slots.split(rows):
        edges = _edge_logits(head, piece, trie)
        for narrow, exact in zip(head(piece).split(few), edges.split(few), strict=True):
            logits = narrow.float()  # (b, S, V)
            logits[:, trie.edge_slots, trie.edge_tokens] = exact
            # One pass, where logsumexp takes four.
            wanted = log_softmax(logits, dim=2)[:, trie.edge_slots, trie.edge_tokens]
            pieces.append(wanted.double().cpu() @ trie.paths.T)
        largest.append(edges.abs().amax(dim=1).double().cpu())
    return torch.cat(pieces).numpy(), torch.cat(largest).numpy()


def _edge_logits(head: nn.Linear, slots: torch.Tensor, trie: LabelTrie) -> torch.Tensor:
    """Logits of the edges, float32 (b, E), from hidden states (b, S, D).

    Widened before the product: the spacing of narrow logits is larger than what tells labels apart.
    """
    logits = torch.einsum(
        "bed,ed->be", slots[:, trie.edge_slots].float(), head.weight[trie.edge_tokens].float()
    )
    return logits if head.bias is None else logits + head.bias[trie.edge_tokens].float()


def _one_by_one(base: BaseModel, prompts: list[list[int]], labels: Sequence[list[int]]) -> np.ndarray:
    """Every label after every prompt as a sequence of its own, for attention that counts places in a row."""
    scores = np.zeros((len(prompts), len(labels)))
    for column, label in enumerate(labels):
        chain = LabelTrie.build([label])
        for place, prompt in enumerate(prompts):
            scores[place, column] = _score_tree(base, [prompt], chain)[0][0, 0]
    return scores
