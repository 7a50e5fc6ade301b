import torch
from hypothesis import given
from hypothesis import strategies as st

from finetable.inference.label_trie import LabelTrie

END = 9
LABELS = st.lists(st.lists(st.integers(0, 3), max_size=5), min_size=1, max_size=12).map(
    lambda labels: [[*label, END] for label in labels]
)
Path = tuple[int, ...]


def node_paths(trie: LabelTrie) -> list[Path]:
    """The tokens from the root to each node, read off its ancestors."""
    return [
        tuple(int(token) for token, above in zip(trie.tokens, row, strict=True) if above)
        for row in trie.ancestors
    ]


@given(LABELS)
def test_the_nodes_are_the_beginnings_of_labels_each_once(labels: list[list[int]]) -> None:
    trie = LabelTrie.build(labels)
    beginnings = {tuple(label[:length]) for label in labels for length in range(1, len(label))}
    paths = node_paths(trie)
    assert len(paths) == len(beginnings)
    assert set(paths) == beginnings
    assert [len(path) for path in paths] == trie.depths.tolist()
    assert [path[-1] for path in paths] == trie.tokens.tolist()


@given(LABELS)
def test_a_node_sees_itself_and_what_it_follows_and_nothing_else(labels: list[list[int]]) -> None:
    trie = LabelTrie.build(labels)
    paths = node_paths(trie)
    for place, path in enumerate(paths):
        expected = [path[: len(other)] == other for other in paths]
        assert trie.ancestors[place].tolist() == expected
    assert not trie.ancestors.triu(diagonal=1).any(), "parents stand before their children"


@given(LABELS)
def test_a_label_uses_one_edge_for_each_of_its_tokens(labels: list[list[int]]) -> None:
    trie = LabelTrie.build(labels)
    slots: list[Path] = [(), *node_paths(trie)]
    edges = [
        (slots[slot], token)
        for slot, token in zip(trie.edge_slots.tolist(), trie.edge_tokens.tolist(), strict=True)
    ]
    assert len(set(edges)) == len(edges)
    for label, row in zip(labels, trie.paths, strict=True):
        used = {edge for edge, on in zip(edges, row.tolist(), strict=True) if on}
        assert used == {(tuple(label[:place]), token) for place, token in enumerate(label)}
    assert set(trie.paths.flatten().tolist()) <= {0.0, 1.0}


@given(LABELS)
def test_summing_over_edges_is_summing_over_tokens(labels: list[list[int]]) -> None:
    trie = LabelTrie.build(labels)
    slots: list[Path] = [(), *node_paths(trie)]

    def value(before: Path, token: int) -> float:
        return float(hash((before, token)) % 1000)

    values = torch.tensor(
        [
            value(slots[slot], token)
            for slot, token in zip(trie.edge_slots.tolist(), trie.edge_tokens.tolist(), strict=True)
        ],
        dtype=torch.float64,
    )
    expected = [sum(value(tuple(label[:i]), token) for i, token in enumerate(label)) for label in labels]
    assert (trie.paths @ values).tolist() == expected


def test_a_single_label_that_is_only_its_end_has_no_nodes() -> None:
    trie = LabelTrie.build([[END]])
    assert trie.tokens.shape == trie.depths.shape == (0,)
    assert trie.tokens.dtype == trie.depths.dtype == trie.edge_tokens.dtype == torch.int64
    assert trie.ancestors.shape == (0, 0)
    assert trie.edge_slots.tolist() == [0]
    assert trie.edge_tokens.tolist() == [END]
    assert trie.paths.tolist() == [[1.0]]


def test_what_labels_share_is_there_once() -> None:
    trie = LabelTrie.build([[1, 2, END], [1, 2, 3, END], [1, 4, END]])
    assert trie.tokens.tolist() == [1, 2, 3, 4]
    assert trie.depths.tolist() == [1, 2, 3, 2]
    assert trie.ancestors.int().tolist() == [[1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 0, 0, 1]]
    assert len(trie.edge_tokens) == 7
