"""Labels as a tree of tokens, so that what they share is computed once."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True, eq=False)
class LabelTrie:
    """The tokens of K labels, each with its end token, as one tree under the end of the prompt.

    Slots are places with hidden states: slot 0 is the prompt's last token, slot i > 0 the node `i - 1`.
    `tokens`, `depths` int64 (nodes,) are the inner nodes, parents before children; a label's last token
    is an edge only. `ancestors` bool (nodes, nodes) says which nodes a node sees, itself included.
    `edge_slots`, `edge_tokens` int64 (edges,); `paths` float64 (K, edges) is 1 where a label uses an edge.
    """

    tokens: torch.Tensor
    depths: torch.Tensor
    ancestors: torch.Tensor
    edge_slots: torch.Tensor
    edge_tokens: torch.Tensor
    paths: torch.Tensor

    @classmethod
    def build(cls, labels: Sequence[Sequence[int]]) -> "LabelTrie":
        """The tree of label token ids; no label may be the beginning of another, which end tokens see to."""
        slots: dict[tuple[int, ...], int] = {(): 0}
        edges: dict[tuple[int, ...], int] = {}
        for label in labels:
            for length in range(1, len(label) + 1):
                edges.setdefault(tuple(label[:length]), len(edges))
                if length < len(label):
                    slots.setdefault(tuple(label[:length]), len(slots))
        nodes = [path for path in slots if path]
        ancestors = torch.zeros(len(nodes), len(nodes), dtype=torch.bool)
        for path in nodes:
            for length in range(1, len(path) + 1):
                ancestors[slots[path] - 1, slots[path[:length]] - 1] = True
        paths = torch.zeros(len(labels), len(edges), dtype=torch.float64)
        for place, label in enumerate(labels):
            for length in range(1, len(label) + 1):
                paths[place, edges[tuple(label[:length])]] = 1
        return cls(
            tokens=torch.tensor([path[-1] for path in nodes], dtype=torch.int64),
            depths=torch.tensor([len(path) for path in nodes], dtype=torch.int64),
            ancestors=ancestors,
            edge_slots=torch.tensor([slots[path[:-1]] for path in edges]),
            edge_tokens=torch.tensor([path[-1] for path in edges]),
            paths=paths,
        )
