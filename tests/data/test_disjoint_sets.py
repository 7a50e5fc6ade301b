from hypothesis import given, settings
from hypothesis import strategies as st

from finetable.data.disjoint_sets import DisjointSets

members = st.integers(0, 11)


def slow_names(n: int, links: list[tuple[int, int]]) -> list[int]:
    names = list(range(n))
    for _ in range(n):
        for first, second in links:
            names[first] = names[second] = min(names[first], names[second])
    return names


@settings(deadline=None)
@given(st.lists(st.tuples(members, members)))
def test_linked_members_share_the_least_name(links: list[tuple[int, int]]) -> None:
    sets = DisjointSets(12)
    for first, second in links:
        sets.join(first, second)
    expected = slow_names(12, links)
    assert sets.names().tolist() == expected
    assert [sets.find(member) for member in range(12)] == expected


def test_no_members_have_no_names() -> None:
    assert DisjointSets(0).names().tolist() == []
