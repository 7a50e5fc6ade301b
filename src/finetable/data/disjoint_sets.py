"""Which of n things are linked, directly or through others."""

import numpy as np
from numpy.typing import NDArray


class DisjointSets:
    """The numbers 0 to n - 1 in sets that only ever grow together; a set is named by its least member.

    Tarjan and van Leeuwen, Worst-case analysis of set union algorithms, Journal of the ACM 31, 1984:
    path halving.
    """

    def __init__(self, n: int) -> None:
        self._parents = list(range(n))

    def find(self, member: int) -> int:
        """Return the least member of the set that `member` is in."""
        parents = self._parents
        while parents[member] != member:
            parents[member] = parents[parents[member]]
            member = parents[member]
        return member

    def join(self, first: int, second: int) -> None:
        """Make one set of the two that hold these members."""
        low, high = sorted((self.find(first), self.find(second)))
        self._parents[high] = low

    def names(self) -> NDArray[np.int64]:
        """Return (n,) the least member of each number's set."""
        names = np.array(self._parents, dtype=np.int64)
        while not np.array_equal(names, names[names]):
            names = names[names]
        return names
